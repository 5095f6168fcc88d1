"""The text cleaner, by properties."""

from hypothesis import given
from hypothesis import strategies as st

from api.chat.text import BOT_CHARS, clean, for_bot, has_words

# Everything that JSON can carry, lone surrogates included.
ANYTHING = st.text(st.characters(codec=None, exclude_categories=()), max_size=200)


@given(ANYTHING)
def test_cleaned_text_can_be_stored_and_stays_as_it_is(text: str) -> None:
    cleaned = clean(text)
    cleaned.encode()
    assert "\x00" not in cleaned
    assert clean(cleaned) == cleaned


@given(st.text(st.characters(categories=("L", "N", "P", "S")), max_size=200))
def test_nothing_readable_is_removed(text: str) -> None:
    assert clean(text) == text


@given(ANYTHING, st.text("/@／＠﹫ \t\n\u3000", max_size=5))
def test_the_bot_never_sees_a_command(text: str, signs: str) -> None:
    seen = for_bot(clean(signs + text))
    assert len(seen) <= BOT_CHARS
    assert not seen.startswith(("/", "@", "／", "＠", "﹫"))


def test_emoji_flags_and_joined_people_survive() -> None:
    for emoji in ("😀", "👨‍👩‍👧", "🇨🇳", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️"):
        assert clean(emoji) == emoji
        assert has_words(emoji)


def test_marks_that_disguise_text_go() -> None:
    assert clean("\u202e好\u200b人\ufeff\r\n您\x07") == "好人\n您"
    assert not has_words(" \u200d\u3000\n")
