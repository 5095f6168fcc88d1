"""``laoxian train``, ``evaluate``, ``models …`` and ``data check``. Torch is loaded only by the command that trains."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table

from classifier.encoder import Encoder, ModelError
from classifier.taxonomy import RuleError
from classifier.triage import Triager
from training.gate import load_rules, write_verdict
from training.gate import promote as promote_through
from training.registry import ACTIVE, Registry, RegistryError

REPO = Path(__file__).resolve().parent.parent
NLU_DATA = REPO / "nlu_data"
app = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
models = typer.Typer(help="模型版本：列出、启用、退回", no_args_is_help=True)
data = typer.Typer(help="训练数据", no_args_is_help=True)
app.add_typer(models, name="models")
app.add_typer(data, name="data")
console = Console(stderr=True)

ModelsDir = Annotated[Path, typer.Option(help="模型版本目录")]
DataDir = Annotated[Path, typer.Option(help="nlu_data 目录")]


def _fail(message: object) -> NoReturn:
    console.print(str(message), style="red", highlight=False, markup=False)
    raise typer.Exit(2)


def _columns(value: str) -> list[str]:
    return [name.strip() for name in value.replace("，", ",").split(",") if name.strip()]


@app.command()
def train(
    table: Annotated[Path, typer.Argument(metavar="DATA.csv", help="自己的标注表，UTF-8 或 GB18030")],
    text: Annotated[str, typer.Option(help="文字列，多列用逗号隔开，如 title,detail")],
    label: Annotated[str, typer.Option(help="标签列，可多列")],
    out: Annotated[Path, typer.Option(help="模型目录写到这里")],
    dev: Annotated[Path | None, typer.Option(help="开发集；不给则从 DATA 留出一成")] = None,
    base: Annotated[
        str | None,
        typer.Option(help="别的基础编码器目录（与自带的同一格式：BERT 权重和 tokenizer.json）；不给则用自带的"),
    ] = None,
    layers: Annotated[int, typer.Option(help="保留多少层，0 为全部", min=0)] = 0,
    epochs: Annotated[int, typer.Option(help="轮数", min=1)] = 3,
    max_tokens: Annotated[int, typer.Option(help="训练时一次最多读多少词元", min=16, max=512)] = 128,
    windows: Annotated[int, typer.Option(help="长文分几段读完，答案取平均；1 只读头尾", min=1, max=16)] = 4,
) -> None:
    """在自己的标注表上微调编码器。被中断后原样再运行一次，会从上一轮接着训练。"""
    try:
        from training.base import BaseModelError, base_folder, checked_base
        from training.data import DataError
        from training.table import train_table
        from training.trainer import Settings
    except ImportError as error:
        _fail(f"缺少训练环境（{error.name}）：请先运行 make train-env")
    from training.make_default import progress_bar

    try:
        settings = Settings(
            base=checked_base(base) if base else str(base_folder()),
            layers=layers or None,
            epochs=epochs,
            max_tokens=max_tokens,
            windows=windows,
        )
        with progress_bar(console) as progress:
            evaluation = train_table(table, _columns(text), _columns(label), out, dev, settings, console, progress)
    except (DataError, BaseModelError, OSError) as error:
        _fail(error)
    _print_scores(evaluation)
    console.print(f"写好 {out}")


@app.command()
def evaluate(
    table: Annotated[Path, typer.Argument(metavar="DATA.csv", help="带标签的表")],
    model: Annotated[Path, typer.Option(help="模型目录")],
    text: Annotated[str | None, typer.Option(help="文字列；不给则用训练时的")] = None,
    label: Annotated[str | None, typer.Option(help="标签列；不给则用模型的")] = None,
    picture: Annotated[Path | None, typer.Option(help="混淆矩阵图；不给则写到模型目录的 evaluation.png")] = None,
) -> None:
    """评测：准确率、宏 F1、各类明细、校准误差，并画混淆矩阵。"""
    try:
        from training.data import DataError, load_table
        from training.package import evaluate as run
        from training.report import draw_confusion
    except ImportError as error:
        _fail(f"缺少训练环境（{error.name}）：请先运行 make train-env")
    try:
        encoder = Encoder.load(model)
        text_columns = _columns(text) if text else encoder.labels.get("text_columns") or ["text"]
        labels = _columns(label) if label else list(encoder.heads)
        if strange := [name for name in labels if name not in encoder.heads]:
            _fail(f"模型没有标签列 {'、'.join(strange)}；有的是 {'、'.join(encoder.heads)}")
        evaluation = run(encoder, load_table(table, text_columns, labels))
    except (DataError, ModelError) as error:
        _fail(error)
    _print_scores(evaluation)
    for head in labels:
        _print_classes(head, evaluation[head])
    file = picture or model / "evaluation.png"
    draw_confusion(evaluation[labels[0]], file)
    console.print(f"混淆矩阵：{file}")


@data.command("check")
def check(
    folder: Annotated[Path, typer.Option(help="nlu_data 目录")] = NLU_DATA,
    labels: Annotated[bool, typer.Option(help="另用交叉验证找可疑标签（几分钟）")] = False,
) -> None:
    """检查标注数据：坏行、训练与开发集重复、矛盾标签，可选可疑标签。"""
    try:
        from training.check import check_data, suspicious_labels
        from training.data import DataError
    except ImportError as error:
        _fail(f"缺少训练环境（{error.name}）：请先运行 make train-env")
    try:
        report = check_data(folder)
        if labels:
            report.problems += suspicious_labels(folder)
    except (DataError, RuleError) as error:
        _fail(error)
    _print_table("各类条数", ["分类", "训练", "开发"], report.counts)
    for problem in report.problems:
        console.print(problem, highlight=False, markup=False)
    console.print(f"{len(report.problems)} 处要看")
    if report.problems:
        raise typer.Exit(1)


@models.command("list")
def list_models(folder: ModelsDir = REPO / "models" / "triage") -> None:
    """列出模型版本；带 * 的在用。"""
    rows = [
        ["*" if one.active else "", one.name, one.version, f"{one.category_f1:.3f}" if one.category_f1 else "—"]
        for one in Registry(folder).versions()
    ]
    _print_table("模型版本", ["", "目录", "版本", "一级分类宏 F1"], rows)


@models.command()
def compare(name: str, folder: ModelsDir = REPO / "models" / "triage", nlu_data: DataDir = NLU_DATA) -> None:
    """候选（目录名）和在用的模型在开发集上比：逐栏、逐类、切片、翻转的例子，并按 nlu_data/gate.yml 判门槛。"""
    from training.compare import answers, blocked
    from training.compare import compare as run
    from training.compare_report import show
    from training.data import DataError, load_appeals

    registry = Registry(folder)
    try:
        registry.check(name)
        rules, candidate = load_rules(nlu_data / "gate.yml"), Triager.load(folder / name, nlu_data)
        live = Triager.load(folder / ACTIVE, nlu_data)
        examples = load_appeals(nlu_data / "appeals_dev", live.taxonomy)
    except (DataError, ModelError, RegistryError, RuleError) as error:
        _fail(error)
    with console.status("两个模型各跑一遍开发集"):
        found = run(examples, answers(live, examples), answers(candidate, examples))
    show(found, Console())
    reasons = blocked(found, rules)
    write_verdict(registry, name, nlu_data, reasons, {"fields": [asdict(one) for one in found.fields]})
    if reasons:
        _fail("门槛没有过：\n" + "\n".join(f"  {reason}" for reason in reasons))
    console.print(f"门槛过了，可以启用：laoxian models promote {name}")


@models.command()
def promote(name: str, folder: ModelsDir = REPO / "models" / "triage", nlu_data: DataDir = NLU_DATA) -> None:
    """启用一个过了门槛的版本（目录名）；原来在用的留作退回。"""
    try:
        lifted = promote_through(Registry(folder), name, nlu_data)
    except RegistryError as error:
        _fail(error)
    if lifted:
        console.print(f"门槛没有过，由 {'、'.join(lifted)} 批准启用", style="yellow")
    console.print(f"已启用 {name}；api 和 worker 几秒内换上，bot 下次重启时跟上")


@models.command()
def rollback(folder: ModelsDir = REPO / "models" / "triage") -> None:
    """退回上一个在用的版本。"""
    try:
        name = Registry(folder).rollback()
    except RegistryError as error:
        _fail(error)
    console.print(f"已退回，原来在用的存为 {name}；api 和 worker 几秒内换上，bot 下次重启时跟上")


def _print_scores(evaluation: dict[str, Any]) -> None:
    from training.package import metrics

    rows = [
        [head, f"{m['accuracy']:.4f}", f"{m['macro_f1']:.4f}", f"{m['calibration_error']:.3f}",
         f"{m['automatic_at_95']:.0%}", str(m["n"])]
        for head, m in metrics(evaluation).items()
    ]  # fmt: skip
    _print_table("评测", ["标签列", "准确率", "宏 F1", "校准误差", "95% 精确率下可自动", "条数"], rows)


def _print_classes(head: str, evaluation: Any) -> None:
    from sklearn.metrics import classification_report

    report = classification_report(evaluation.truth, evaluation.guess, output_dict=True, zero_division=0)
    rows = [
        [name, f"{m['precision']:.3f}", f"{m['recall']:.3f}", f"{m['f1-score']:.3f}", f"{m['support']:.0f}"]
        for name, m in report.items()
        if isinstance(m, dict) and not name.endswith(" avg")
    ]
    _print_table(head, ["类别", "精确率", "召回率", "F1", "条数"], rows)


def _print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    table = Table(*columns, title=title)
    for row in rows:
        table.add_row(*row)
    Console().print(table)
