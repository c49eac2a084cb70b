import pytest

from generation.engine.sketchbook import text_encoder, tokenizer


@pytest.fixture(scope="module")
def tokens():
    return text_encoder.learn_tokenizer()


def test_common_words_are_one_token_each(tokens):
    pieces = tokens.tokenize("a red house on the left")

    assert pieces == ["a</w>", "red</w>", "house</w>", "on</w>", "the</w>", "left</w>"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "zxqj Ünknøwn wörds",
        "红色的房子 🦄",
        "\u0000\x7f\t\n",
        "ﬁ ½ ①",
        "{}<|startoftext|>",
    ],
)
def test_no_text_is_unknown(tokens, text):
    ids = text_encoder.tokenize(tokens, [text])

    assert ids.shape == (1, tokenizer.MAX_LENGTH)
    assert ids.min() >= 0 and ids.max() < len(tokens)


def test_any_text_is_read_back_byte_for_byte(tokens):
    ids = tokens("qüx 房🦄", add_special_tokens=False).input_ids

    pieces = "".join(tokens.convert_ids_to_tokens(ids))
    assert tokens.unk_token not in pieces
    assert tokens.decode(ids).replace(" ", "") == "qüx房🦄"


def test_a_long_prompt_is_cut_to_the_model_length(tokens):
    ids = text_encoder.tokenize(tokens, ["a red house " * 200])

    assert ids.shape == (1, tokenizer.MAX_LENGTH)
    assert ids[0, -1] == tokens.eos_token_id
