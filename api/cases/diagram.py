"""The workflow table as a Mermaid state diagram, for the docs."""

import re

from api.cases.workflow import Workflow

_BLOCK = re.compile(r"(?<=```mermaid\n)stateDiagram-v2\n.*?(?=```)", re.DOTALL)


def draw(workflow: Workflow) -> str:
    """Returns the diagram: statuses, and the actions that lead from one to another; what stays is not drawn."""
    names = {status: f"s{number}" for number, status in enumerate((*workflow.open, *workflow.final))}
    edges: dict[tuple[str, str], dict[str, None]] = {}
    for move in workflow.moves:
        for source in move.sources:
            if move.to and move.to != source:
                edges.setdefault((names[source], names[move.to]), {})[move.action] = None
    lines = ["stateDiagram-v2"]
    lines += [f'    state "{status}" as {name}' for status, name in names.items()]
    lines.append(f"    [*] --> {names[workflow.first]}: 提交")
    lines += [f"    {source} --> {to}: {'、'.join(actions)}" for (source, to), actions in edges.items()]
    lines += [f"    {names[status]} --> [*]" for status in workflow.final]
    return "\n".join(lines) + "\n"


def redraw(page: str, workflow: Workflow) -> str:
    """Returns a Markdown page with its diagram drawn anew; raises ``ValueError`` when it has none."""
    drawn, count = _BLOCK.subn(lambda _found: draw(workflow), page, count=1)
    if not count:
        raise ValueError("页面里没有 ```mermaid 开头的状态图")
    return drawn
