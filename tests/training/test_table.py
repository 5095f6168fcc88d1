"""A user's own table, from the file to the answers; a killed run goes on; errors are one clear line."""

import io
import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="训练环境没有装（make train-env）")

from rich.console import Console
from rich.progress import Progress
from typer.testing import CliRunner

from classifier.cli import app as classifier_app
from training.base import BUILD, WHEEL, base_folder
from training.cli import app
from training.data import load_table
from training.trainer import Settings, Trainer

cached = pytest.mark.skipif(not (BUILD / WHEEL).exists(), reason="基础编码器还没有下载（make train 会下载）")
LAMPS = [
    "路灯不亮",
    "灯杆歪了",
    "楼道灯坏了",
    "街上黑灯瞎火",
    "灯泡一直闪",
    "路灯白天亮着",
    "大门口没有灯",
    "灯罩掉下来了",
]
WAGES = [
    "拖欠工资",
    "老板不发钱",
    "三个月没发薪水",
    "克扣奖金",
    "包工头跑了",
    "加班费不给",
    "工钱要不回来",
    "押金不退扣工资",
]


def _table(folder: Path, encoding: str = "utf-8") -> Path:
    rows = [f"{text},,照明" for text in LAMPS] + [f"{text},请处理,劳动" for text in WAGES]
    file = folder / "table.csv"
    file.write_text("\n".join(["title,detail,label", *rows]) + "\n", encoding)
    return file


def _options(folder: Path) -> list[str]:
    return ["--text", "title,detail", "--label", "label", "--out", str(folder / "model"), "--layers", "2"]


@cached
@pytest.mark.slow
def test_from_a_table_to_answers(tmp_path: Path) -> None:
    table, model = _table(tmp_path, "gb18030"), tmp_path / "model"
    done = CliRunner().invoke(app, ["train", str(table), "--dev", str(table), "--epochs", "4", *_options(tmp_path)])
    assert done.exit_code == 0, done.output
    names = {
        "model.onnx",
        "tokenizer.json",
        "labels.json",
        "metrics.json",
        "README.md",
        "confusion.png",
        "reliability.png",
    }
    assert names <= {file.name for file in model.iterdir()}
    assert not (model / ".work").exists()
    done = CliRunner().invoke(app, ["evaluate", str(table), "--model", str(model)])
    assert done.exit_code == 0, done.output
    assert (model / "evaluation.png").stat().st_size > 1000
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"id": 7, "text": "路灯坏了"}\n{"title": "工资没发", "detail": "拖欠三个月"}\n', "utf-8")
    done = CliRunner().invoke(classifier_app, ["triage", str(source), str(target), "--model", str(model)])
    assert done.exit_code == 0, done.output
    lamp, wage = (json.loads(line) for line in target.read_text("utf-8").splitlines())
    assert (lamp["id"], lamp["label"], wage["label"]) == (7, "照明", "劳动")
    assert 0.5 < lamp["confidence"]["label"] <= 1


@cached
@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = load_table(_table(tmp_path), ["title"], ["label"])
    settings = Settings(base=str(base_folder()), layers=1, epochs=3, patience=9)

    def run() -> tuple[list[dict], str]:
        said = io.StringIO()
        with Progress(console=Console(file=said)) as progress:
            _, history = Trainer(settings, rows, rows, ["label"], tmp_path / "work").fit(progress)
        return history, said.getvalue()

    evaluate, calls = Trainer.evaluate, []

    def killed_in_the_second_epoch(self: Trainer) -> dict[str, float]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return evaluate(self)

    monkeypatch.setattr(Trainer, "evaluate", killed_in_the_second_epoch)
    with pytest.raises(KeyboardInterrupt):
        run()
    monkeypatch.setattr(Trainer, "evaluate", evaluate)
    history, said = run()
    assert [one["epoch"] for one in history] == [1, 2, 3]
    assert "第 1 轮" not in said
    assert "第 2 轮" in said


@pytest.mark.parametrize(
    ("content", "options", "word"),
    [
        ("标题,label\n甲,一\n乙,二\n", [], "缺少列 title、detail"),
        ("title,detail,label\n甲,,一\n乙,,一\n丙,,二\n", [], "只有一行"),
        ("title,detail,label\n甲,,一\n乙,,一\n", [], "只有一种取值"),
        ("title,detail,label\n甲,,一\n乙,,\n", [], "为空"),
        ("title,detail,label\n甲,,一\n甲,,一\n乙,,二\n乙,,二\n", ["--base", "/nowhere"], "/nowhere"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_in_one_line(
    tmp_path: Path, content: str, options: list[str], word: str
) -> None:
    file = tmp_path / "table.csv"
    file.write_text(content, "utf-8")
    done = CliRunner().invoke(app, ["train", str(file), *_options(tmp_path), *options])
    assert done.exit_code == 2
    assert word in done.output.replace("\n", "")
    assert "Traceback" not in done.output


def test_evaluation_of_an_unknown_column_names_the_known_ones(tmp_path: Path) -> None:
    model = Path(__file__).resolve().parents[2] / "models" / "triage" / "default"
    options = ["--model", str(model), "--text", "title", "--label", "颜色"]
    done = CliRunner().invoke(app, ["evaluate", str(_table(tmp_path)), *options])
    assert done.exit_code == 2
    assert "category" in done.output
