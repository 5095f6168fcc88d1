"""A candidate beside the live model: figures that a hand can check, and the gate before promotion."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from classifier.taxonomy import RuleError
from training.cli import app
from training.compare import Answers, blocked, compare, f1, interval, mcnemar_p
from training.data import Example
from training.gate import GateRules, approved_by, load_rules, promote, verdict_digest, write_verdict
from training.registry import Registry, RegistryError

REPO = Path(__file__).resolve().parents[2]
RULES = GateRules(("category",), 0.02, 5)


def example(category: str, urgency: str = "一般", text: str = "路灯坏了", source: str = "d/hotline.csv:2") -> Example:
    labels = {"kind": "民生诉求", "category": category, "subcategory": f"{category}/其他", "urgency": urgency}
    return Example(text, labels, source)


def answers(categories: list[str], emergency: list[bool] | None = None) -> Answers:
    n = len(categories)
    rest = {"kind": ["民生诉求"] * n, "urgency": ["一般"] * n, "department": ["区"] * n}
    labels = {"category": categories, "subcategory": [f"{c}/其他" for c in categories], **rest}
    return Answers(labels, np.array(emergency or [False] * n))


def test_f1_interval_and_mcnemar_by_hand() -> None:
    assert f1(["a", "a", "b"], ["a", "b", "b"], "a") == pytest.approx(2 / 3)
    assert f1(["a"], ["a"], "c") == 0.0
    was, now = np.array([True] * 10 + [False] * 10), np.array([True] * 20)
    low, high = interval(was, now)
    assert 0.2 < low < 0.5 < high < 0.8
    assert interval(was, was) == (0.0, 0.0)
    # Ten rows, all in favour of one side: 2 × 0.5 ** 10.
    assert mcnemar_p(was, now) == pytest.approx(2 / 1024)
    assert mcnemar_p(was, was) == 1.0


def test_the_comparison_names_fields_classes_flips_and_slices() -> None:
    examples = [*(example("城乡建设") for _ in range(6)), *(example("政法", text="被打" * 20) for _ in range(4))]
    live = answers(["城乡建设"] * 6 + ["城乡建设"] * 4)
    candidate = answers(["城乡建设"] * 5 + ["政法"] * 5)
    found = compare(examples, live, candidate)
    (category,) = [one for one in found.fields if one.field == "category"]
    assert (category.n, category.live, category.candidate) == (10, 0.6, 0.9)
    (city,) = [one for one in found.classes if one.name == "城乡建设"]
    assert (city.support, city.live, city.candidate) == (6, pytest.approx(0.75), pytest.approx(10 / 11))
    assert len(found.flips) == 5
    assert sum(truth == old for _text, truth, old, _new in found.flips) == 1
    assert dict((name, n) for name, n, _a, _b in found.slices) == {
        "长短：15 字以内": 6, "长短：16–60 字": 4, "来源：hotline.csv": 10,
    }  # fmt: skip


def test_a_class_that_loses_blocks_only_with_enough_rows() -> None:
    live = answers(["城乡建设"] * 6 + ["政法"] * 6)
    candidate = answers(["城乡建设"] * 6 + ["政法"] * 5 + ["城乡建设"])
    examples = [example("城乡建设")] * 6 + [example("政法")] * 6
    reasons = blocked(compare(examples, live, candidate), RULES)
    assert len(reasons) == 2
    assert "政法" in "".join(reasons)
    assert blocked(compare(examples, live, candidate), GateRules(("category",), 0.02, 7)) == []
    assert blocked(compare(examples, live, live), RULES) == []


def test_an_emergency_missed_always_blocks() -> None:
    examples = [example("政法", "特急")] * 4
    live, candidate = answers(["政法"] * 4, [True] * 4), answers(["政法"] * 4, [True, True, True, False])
    (reason,) = blocked(compare(examples, live, candidate), GateRules(("category",), 0.5, 1000))
    assert "特急的召回从 1.000 掉到 0.750" in reason


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    for name, version in (("default", "1"), ("new", "2")):
        (tmp_path / "models" / name).mkdir(parents=True)
        labels = {"version": version, "task": "triage"}
        (tmp_path / "models" / name / "labels.json").write_text(json.dumps(labels), "utf-8")
    (tmp_path / "appeals_dev").mkdir()
    (tmp_path / "appeals_dev" / "x.csv").write_text("text\n你好\n", "utf-8")
    return Registry(tmp_path / "models")


def approve(registry: Registry, user: str, verdict: str | None = None) -> None:
    """Does what ``laoxian gate approve`` does to the folder."""
    file = registry.folder / "new" / "approvals.json"
    kept = json.loads(file.read_text("utf-8")) if file.exists() else []
    found = json.loads((registry.folder / "new" / "gate.json").read_text("utf-8"))
    kept.append({"user_id": user, "username": user, "verdict": verdict or verdict_digest(found)})
    file.write_text(json.dumps(kept), "utf-8")


def test_only_what_was_compared_is_promoted(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="还没有和在用的模型比过"):
        promote(registry, "new", tmp_path)
    write_verdict(registry, "new", tmp_path, [], {})
    for file in (registry.folder / "new" / "labels.json", tmp_path / "appeals_dev" / "x.csv"):
        before = file.read_text("utf-8")
        file.write_text(before + " ", "utf-8")
        with pytest.raises(RegistryError, match="之后有改动"):
            promote(registry, "new", tmp_path)
        file.write_text(before, "utf-8")
    assert promote(registry, "new", tmp_path) == []
    assert next(one.version for one in registry.versions() if one.active) == "2"


def test_the_gate_blocks_until_two_accounts_lift_it(registry: Registry, tmp_path: Path) -> None:
    write_verdict(registry, "new", tmp_path, ["城乡建设掉了"], {})
    with pytest.raises(RegistryError, match="城乡建设掉了"):
        promote(registry, "new", tmp_path)
    approve(registry, "zhao")
    approve(registry, "zhao")
    with pytest.raises(RegistryError, match="已批准：zhao"):
        promote(registry, "new", tmp_path)
    approve(registry, "qian", verdict="of another comparison")
    with pytest.raises(RegistryError, match="已批准：zhao"):
        promote(registry, "new", tmp_path)
    approve(registry, "qian")
    assert promote(registry, "new", tmp_path) == ["zhao", "qian"]


def test_a_new_comparison_asks_anew(registry: Registry, tmp_path: Path) -> None:
    write_verdict(registry, "new", tmp_path, ["一"], {})
    approve(registry, "zhao")
    approve(registry, "qian")
    write_verdict(registry, "new", tmp_path, ["一", "二"], {})
    assert approved_by(registry.folder / "new") == []


def test_a_table_model_never_serves(registry: Registry, tmp_path: Path) -> None:
    labels = {"version": "2", "task": "table"}
    (registry.folder / "new" / "labels.json").write_text(json.dumps(labels), "utf-8")
    with pytest.raises(RegistryError, match="自己的表"):
        promote(registry, "new", tmp_path)
    with pytest.raises(RegistryError, match="自己的表"):
        registry.promote("new")


@pytest.mark.parametrize(
    "text",
    ["[]", "a: 1", "{fields: [x], max_loss: 0.1, min_support: 3}", "{fields: [kind], max_loss: 2, min_support: 3}"],
)
def test_wrong_rules_are_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "gate.yml").write_text(text, "utf-8")
    with pytest.raises(RuleError):
        load_rules(tmp_path / "gate.yml")
    assert load_rules(REPO / "nlu_data" / "gate.yml").max_loss == 0.02


def test_the_commands_on_the_shipped_model(tmp_path: Path) -> None:
    """A copy of the live model passes; one deaf to emergencies is blocked."""
    live = REPO / "models" / "triage" / "default"
    for name in ("default", "same", "deaf"):
        shutil.copytree(live, tmp_path / name, ignore=shutil.ignore_patterns("*.png", "*.md"))
    labels = json.loads((tmp_path / "deaf" / "labels.json").read_text("utf-8"))
    labels["thresholds"] |= {"emergency_alone": 1.1, "emergency_with_signal": 1.1}
    (tmp_path / "deaf" / "labels.json").write_text(json.dumps(labels, ensure_ascii=False), "utf-8")
    run = CliRunner().invoke
    where = ["--folder", str(tmp_path)]
    done = run(app, ["models", "promote", "same", *where])
    assert (done.exit_code, "laoxian models compare same" in done.output) == (2, True)
    done = run(app, ["models", "compare", "same", *where])
    assert done.exit_code == 0, done.output
    assert run(app, ["models", "promote", "same", *where]).exit_code == 0
    done = run(app, ["models", "compare", "deaf", *where])
    assert done.exit_code == 2
    assert "特急的召回" in done.output
    done = run(app, ["models", "promote", "deaf", *where])
    assert (done.exit_code, "门槛没有过" in done.output) == (2, True)
