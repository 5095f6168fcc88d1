"""``python -m bot.jieba_words`` writes ``nlu_data/jieba/places.txt``, jieba's dictionary of the district's places."""

from pathlib import Path

from classifier.places import PlaceResolver

NLU_DATA = Path(__file__).resolve().parent.parent / "nlu_data"
TARGET = NLU_DATA / "jieba" / "places.txt"


def dictionary() -> str:
    """Returns the dictionary: one name a line, tagged as a place name."""
    return "".join(f"{word} ns\n" for word in PlaceResolver.load(NLU_DATA).words())


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(dictionary(), encoding="utf-8")
