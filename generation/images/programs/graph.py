"""A graph of nodes with named inputs; an input is a value, or a link to another node's output."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from generation.images.programs.json_text import inner

# Names under which nodes that hold one value have it.
_HELD = ("value", "Value", "int", "float", "seed", "number", "noise_seed", "INT", "FLOAT", "string")
_MAX_HOPS = 50
_MAX_NODES = 5_000
# Hops of all questions together. The graphs of programs take some hundred.
_MAX_ALL_HOPS = 10_000


@dataclass(frozen=True)
class Node:
    id: str
    kind: str
    inputs: Mapping[str, Any] = field(hash=False, compare=False)


class Graph:
    """Nodes by id. A link that leads nowhere, or in a circle, ends there.

    No graph takes long: the inputs of a node are searched for links once, and the hops from node to node are counted.
    """

    def __init__(self, said: Mapping[str, Any]) -> None:
        self._nodes = {
            id: Node(id, str(each["class_type"]), inner(each.get("inputs")))
            for id, each in list(said.items())[:_MAX_NODES]
            if isinstance(each, dict) and "class_type" in each
        }
        self._sources_by_id: dict[str, list[Node]] = {}
        self._hops_left = _MAX_ALL_HOPS

    def linked(self, node: Node, name: str) -> Node | None:
        """Return the node that an input comes from."""
        return self._target(node.inputs.get(name))

    def value(
        self,
        node: Node,
        names: Sequence[str],
        *,
        through: Sequence[str] = (),
        as_text: Sequence[str] = (),
    ) -> Any:
        """Return the first input of these names that has a value, also behind links; None if there is none.

        `through` names links to nodes that may have it instead; `as_text` names inputs that hold a text.
        """
        for name in names:
            found = self._held(node.inputs.get(name), (*names, *as_text))
            if found is not None:
                return found
        for name in through:
            beyond = self.linked(node, name)
            found = self.value(beyond, names) if beyond else None
            if found is not None:
                return found
        return None

    def upstream(
        self, start: Node, links: Sequence[str], *, others: bool = False, is_deep: bool = False
    ) -> Iterator[Node]:
        """Yield a node and those that its inputs come from, nearest first.

        Follows inputs of the given names; of a node without any, all with `others`. `is_deep`: only the first
        given name that is a link counts, so a chain is followed to its end.
        """
        waiting, seen = deque([start]), {start.id}
        while waiting:
            node = waiting.popleft()
            yield node
            named = [each for name in links if (each := self.linked(node, name))]
            if is_deep:
                named = named[:1]
            for each in named or (self._sources(node) if others else ()):
                if each.id not in seen:
                    seen.add(each.id)
                    waiting.append(each)

    def upstream_of_outputs(self) -> Iterator[Node]:
        """Yield all nodes, from those that save a picture towards those that it comes from."""
        ends = [node for node in self._nodes.values() if node.id not in self._used]
        ends.sort(key=lambda node: "Save" not in node.kind)
        waiting = deque(ends or self._nodes.values())
        seen = {node.id for node in waiting}
        while waiting:
            node = waiting.popleft()
            yield node
            for each in self._sources(node):
                if each.id not in seen:
                    seen.add(each.id)
                    waiting.append(each)

    @cached_property
    def _used(self) -> set[str]:
        return {each.id for node in self._nodes.values() for each in self._sources(node)}

    def _sources(self, node: Node) -> list[Node]:
        """Return the nodes that inputs come from, one for each link."""
        if node.id not in self._sources_by_id:
            found = map(self._target, node.inputs.values())
            self._sources_by_id[node.id] = [each for each in found if each]
        return self._sources_by_id[node.id]

    def _target(self, value: Any) -> Node | None:
        """Return the node that a link leads to: a list of its id and the number of an output."""
        if isinstance(value, list) and len(value) == 2 and isinstance(value[0], str | int):
            return self._nodes.get(str(value[0]))
        return None

    def _held(self, value: Any, names: Sequence[str]) -> Any:
        """Return a value; follow links to nodes that hold or pass on one."""
        node, seen = self._target(value), set[str]()
        while node and node.id not in seen and len(seen) < _MAX_HOPS and self._hops_left:
            self._hops_left -= 1
            seen.add(node.id)
            held = next((name for name in (*names, *_HELD) if name in node.inputs), None)
            value = None if held is None else node.inputs[held]
            node = self._only_source(node) if held is None else self._target(value)
        # Some loaders have a name and the picture shown beside it.
        if isinstance(value, dict):
            value = value.get("content")
        return value if isinstance(value, str | int | float) else None

    def _only_source(self, node: Node) -> Node | None:
        """Return the node behind one that passes on what it gets."""
        sources = self._sources(node)
        return sources[0] if len(sources) == 1 else None
