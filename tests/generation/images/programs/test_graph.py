"""A graph of nodes is followed in bounded steps, however it is linked."""

from generation.images.programs.graph import Graph


class Counted(dict):
    """Inputs that count how many of them are looked at when all are gone through."""

    looked_at = 0

    def values(self):
        for value in super().values():
            Counted.looked_at += 1
            yield value


def node(**inputs):
    return {"class_type": "Node", "inputs": Counted(inputs)}


def work(ask):
    before = Counted.looked_at
    ask()
    return Counted.looked_at - before


def test_a_node_that_names_itself_is_visited_once():
    wide = node(value=["1", 0], **{f"i{number}": ["1", 0] for number in range(1_000)})
    graph = Graph({"1": wide, "2": node(seed=["1", 0])})
    asker, _wide = graph.upstream_of_outputs()

    assert graph.value(asker, ("seed",)) is None
    assert work(lambda: graph.value(asker, ("seed",))) == 0


def test_the_inputs_of_a_node_are_searched_for_links_once():
    wide = node(**{f"i{number}": ["404", 0] for number in range(1_000)}, only=["3", 0])
    said = {"3": node(value=7), "2": wide}
    said |= {f"a{number}": node(seed=["2", 0]) for number in range(500)}
    graph = Graph(said)

    def ask():
        for each in graph.upstream_of_outputs():
            if "seed" in each.inputs:
                assert graph.value(each, ("seed",)) == 7

    assert work(ask) < 3_000
    assert work(ask) == 0


def test_a_chain_is_followed_for_so_many_steps_in_all():
    said = {f"n{number}": node(pipe=[f"n{number + 1}", 0]) for number in range(40)}
    said |= {"n40": node(value=7)}
    said |= {f"a{number}": node(seed=["n0", 0]) for number in range(400)}
    graph = Graph(said)
    askers = [each for each in graph.upstream_of_outputs() if "seed" in each.inputs]

    found = [graph.value(each, ("seed",)) for each in askers]

    assert found[:200] == [7] * 200
    assert found[-100:] == [None] * 100
