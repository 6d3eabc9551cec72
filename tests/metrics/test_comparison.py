"""``compare``: differences by hand, intervals against what is known of normal samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from chatkit.metrics import compare


@pytest.fixture
def pairs() -> pd.DataFrame:
    """Ten prompts asked of two servers; b is 50 ms slower on each, however long the prompt takes."""
    base = np.arange(100.0, 1100.0, 100.0)
    return pd.DataFrame(
        {
            "server": ["a"] * 10 + ["b"] * 10,
            "prompt": [f"p{number}" for number in range(10)] * 2,
            "context_id": [f"c{number}" for number in range(20)],
            "ttft_ms": np.concatenate((base, base + 50)),
        }
    )


def drawn(n: int, mean: float, seed: int, **columns: object) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(mean, 10.0, n)
    return pd.DataFrame({"ttft_ms": values, "context_id": [f"{seed}-{k}" for k in range(n)]} | columns)


def test_difference_and_ratio_are_those_of_the_groups_medians() -> None:
    frame = pd.DataFrame({"server": list("aabbb"), "ttft_ms": [10.0, 30.0, 10.0, 50.0, 90.0]})
    row = compare(frame, "server", "ttft_ms").iloc[0]
    assert (row["server"], row["value"], row["baseline_value"]) == ("b", 50.0, 20.0)
    assert (row["difference"], row["ratio"]) == (30.0, 2.5)
    assert (row["n_responses"], row["baseline_n_responses"]) == (3, 2)


def test_the_baseline_and_the_statistic_are_arguments() -> None:
    frame = pd.DataFrame({"server": list("aabb"), "ttft_ms": [10.0, 30.0, 10.0, 50.0]})
    row = compare(frame, "server", "ttft_ms", baseline="b", statistic="mean").iloc[0]
    assert (row["server"], row["difference"], row["statistic"]) == ("a", -10.0, "mean")


def test_rows_are_groups_then_metrics() -> None:
    frame = pd.DataFrame({"s": list("cab"), "t": [1, 1, 2], "ttft_ms": 1.0, "tpot_ms": 2.0})
    table = compare(frame, ["s", "t"], baseline=("b", 2))
    assert table[["s", "t", "metric"]].to_numpy().tolist() == [
        ["a", 1, "ttft_ms"],
        ["a", 1, "tpot_ms"],
        ["c", 1, "ttft_ms"],
        ["c", 1, "tpot_ms"],
    ]


def test_under_eight_contexts_there_is_no_interval_but_a_reason() -> None:
    frame = pd.concat([drawn(50, 100, 1, server="a"), drawn(50, 120, 2, server="b")])
    frame = frame.assign(context_id=[f"c{number % 7}" for number in range(100)])
    row = compare(frame, "server", "ttft_ms").iloc[0]
    assert (row["n_contexts"], row["baseline_n_contexts"], row["n_responses"]) == (7, 7, 50)
    assert row[["difference_low", "difference_high", "ratio_low", "ratio_high"]].isna().all()
    assert row["reason"] == "fewer than 8 contexts: 7, 7"


def test_under_twenty_contexts_there_is_a_warning(pairs: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="fewer than 20 contexts are too narrow: here from 10"):
        row = compare(pairs, "server", "ttft_ms").iloc[0]
    assert pd.isna(row["reason"])


def test_the_interval_of_a_mean_is_that_of_the_textbook() -> None:
    """Two means of 400 normal values, deviation 10: the difference's error is 10 * sqrt(2 / 400)."""
    frame = pd.concat([drawn(400, 100, 1, server="a"), drawn(400, 120, 2, server="b")])
    row = compare(frame, "server", "ttft_ms", statistic="mean").iloc[0]
    half = 1.96 * 10 * np.sqrt(2 / 400)
    assert row["difference_high"] - row["difference_low"] == pytest.approx(2 * half, rel=0.1)
    assert row["difference_low"] < 20 < row["difference_high"]
    assert row["ratio_low"] < 1.2 < row["ratio_high"]


def test_turns_of_one_context_are_no_evidence_of_their_own() -> None:
    """The same 40 values, each ten times over in a context of ten turns: no surer than once."""
    once = pd.concat([drawn(40, 100, 1, server="a"), drawn(40, 120, 2, server="b")])
    ten = pd.concat([once] * 10)
    narrow, same = (compare(frame, "server", "ttft_ms", statistic="mean").iloc[0] for frame in (once, ten))
    assert same["difference_high"] - same["difference_low"] == pytest.approx(
        narrow["difference_high"] - narrow["difference_low"]
    )
    assert (same["n_responses"], same["n_contexts"]) == (400, 40)


def test_a_context_in_both_groups_is_drawn_for_both() -> None:
    """Contexts differ by hundreds, their two turns by one ms exactly: drawn jointly, the mean differs by 1."""
    level = np.random.default_rng(1).normal(1000, 300, 40)
    frame = pd.DataFrame(
        {
            "turn": [0] * 40 + [1] * 40,
            "context_id": [f"c{number}" for number in range(40)] * 2,
            "ttft_ms": np.concatenate((level, level + 1)),
        }
    )
    row = compare(frame, "turn", "ttft_ms", statistic="mean").iloc[0]
    assert row[["difference_low", "difference_high"]].tolist() == pytest.approx([1.0, 1.0])


def test_pairs_compare_like_with_like(pairs: pd.DataFrame) -> None:
    with pytest.warns(UserWarning, match="fewer than 20"):
        row = compare(pairs, "server", "ttft_ms", pair_by="prompt").iloc[0]
    assert row[["difference", "difference_low", "difference_high"]].tolist() == [50.0, 50.0, 50.0]
    # The ratios are 1.5, 1.25, 1.1667, 1.125, 1.1, 1.0833, …: the median is between 1.1 and 1.0833.
    assert row["ratio"] == pytest.approx((1.1 + 650 / 600) / 2)


def test_what_has_no_partner_is_left_out(pairs: pd.DataFrame) -> None:
    alone = pd.DataFrame({"server": ["b"], "prompt": ["other"], "context_id": ["x"], "ttft_ms": [9e9]})
    with pytest.warns(UserWarning, match="fewer than 20"):
        row = compare(pd.concat([pairs, alone]), "server", "ttft_ms", pair_by="prompt").iloc[0]
    assert (row["n_responses"], row["difference"]) == (10, 50.0)


def test_pairs_of_one_context_are_one_unit(pairs: pd.DataFrame) -> None:
    shared = pairs.assign(context_id=[f"a{k // 2}" for k in range(10)] + [f"b{k}" for k in range(10)])
    row = compare(shared, "server", "ttft_ms", pair_by="prompt").iloc[0]
    assert row["difference"] == 50.0
    assert row["reason"] == "fewer than 8 contexts: 10, 5"


def test_without_any_pair_all_is_unknown(pairs: pd.DataFrame) -> None:
    apart = pairs.assign(prompt=range(20))
    row = compare(apart, "server", "ttft_ms", pair_by="prompt").iloc[0]
    assert np.isnan(row["difference"])
    assert row["n_responses"] == 0


def test_the_same_seed_draws_the_same() -> None:
    frame = pd.concat([drawn(30, 100, 1, server="a"), drawn(30, 120, 2, server="b")])
    first, again, other = (compare(frame, "server", "ttft_ms", seed=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert first["difference_low"].tolist() != other["difference_low"].tolist()


def test_unknown_figures_are_not_counted() -> None:
    frame = pd.DataFrame({"server": list("aabb"), "ttft_ms": [10.0, np.nan, np.nan, np.nan]})
    row = compare(frame, "server", "ttft_ms").iloc[0]
    assert (row["n_responses"], row["baseline_n_responses"], row["baseline_value"]) == (0, 1, 10.0)
    assert np.isnan(row["difference"])


def test_an_empty_frame_gives_no_rows_and_the_same_columns(pairs: pd.DataFrame) -> None:
    empty = compare(pairs.iloc[:0], "server", "ttft_ms")
    assert empty.empty
    assert empty.columns.tolist()[:3] == ["server", "metric", "statistic"]


def test_what_cannot_be_asked_is_said(pairs: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match="no group 'c' to hold the others against: there are 'a', 'b'"):
        compare(pairs, "server", "ttft_ms", baseline="c")
    with pytest.raises(ValueError, match="no statistic 'mode'"):
        compare(pairs, "server", "ttft_ms", statistic="mode")
    with pytest.raises(KeyError, match="no column 'question'"):
        compare(pairs, "server", "ttft_ms", pair_by="question")
    with pytest.raises(ValueError, match="by is empty"):
        compare(pairs, [], "ttft_ms")


def test_two_unknown_keys_are_no_pair(pairs: pd.DataFrame) -> None:
    known = pairs["prompt"].where(pairs["prompt"] != pairs["prompt"].iloc[0])
    with pytest.warns(UserWarning, match="fewer than 20"):
        row = compare(pairs.assign(prompt=known), "server", "ttft_ms", pair_by="prompt").iloc[0]
    assert row["n_responses"] == 9


def test_few_pairs_are_few_though_their_contexts_are_many() -> None:
    """Forty contexts a side, but ten prompts: ten differences are all that is known."""
    sides = [drawn(40, 100, seed, server=server).assign(prompt=np.arange(40) % 10) for seed, server in enumerate("ab")]
    with pytest.warns(UserWarning, match="fewer than 20 contexts are too narrow: here from 10"):
        row = compare(pd.concat(sides), "server", "ttft_ms", pair_by="prompt").iloc[0]
    assert (row["n_contexts"], row["baseline_n_contexts"]) == (40, 40)


def test_a_baseline_of_zero_has_no_ratio_and_the_reason_says_so() -> None:
    """One of ten baseline values is not 0, so that some samples of them have a mean of 0."""
    frame = pd.DataFrame({"server": ["a"] * 10 + ["b"] * 10, "stalled_ms": [0.0] * 9 + [5.0] + [1.0] * 10})
    with pytest.warns(UserWarning, match="fewer than 20"):
        row = compare(frame, "server", "stalled_ms", statistic="mean").iloc[0]
    assert row["ratio"] == pytest.approx(2)
    assert row[["ratio_low", "ratio_high"]].isna().all()
    assert row[["difference_low", "difference_high"]].notna().all()
    assert row["reason"] == "a baseline of 0 has no ratio"


@pytest.mark.parametrize("pair_by", [None, "prompt"])
def test_the_order_of_rows_and_the_type_of_ids_change_no_interval(pairs: pd.DataFrame, pair_by: str | None) -> None:
    frame = pairs.assign(ttft_ms=np.random.default_rng(5).lognormal(5, 1, len(pairs)))
    backwards = frame["context_id"].unique()[::-1].tolist()
    others = frame.sample(frac=1, random_state=2), frame.astype({"context_id": pd.CategoricalDtype(backwards)})
    with pytest.warns(UserWarning, match="fewer than 20"):
        first, *again = (compare(each, "server", "ttft_ms", pair_by=pair_by) for each in (frame, *others))
    for each in again:
        pd.testing.assert_frame_equal(first, each)


def test_the_baseline_may_be_a_list_or_the_group_without_a_key() -> None:
    frame = pd.DataFrame(
        {"server": pd.array(["a", "a", None], dtype="string"), "turn": [0, 1, 0], "ttft_ms": [1, 2, 4]}
    )
    assert compare(frame, ["server", "turn"], "ttft_ms", baseline=["a", 1])["difference"].tolist() == [-1.0, 2.0]
    assert compare(frame, "server", "ttft_ms", baseline=pd.NA)["difference"].tolist() == [-2.5]


def test_the_baseline_is_named_by_its_key_as_it_stands() -> None:
    """Of a missing part it is said so; a whole number beside a fraction stays one."""
    frame = pd.DataFrame({"turn": [1, 1, 2], "speed": [0.5, None, 0.5], "ttft_ms": [1, 2, 4]})
    assert compare(frame, ["turn", "speed"], "ttft_ms")["baseline"].tolist() == ["1 · 0.5"] * 2
    assert compare(frame, "speed", "ttft_ms", baseline=None)["baseline"].tolist() == ["0.5"]
    assert compare(frame, "speed", "ttft_ms", baseline=float("nan"))["baseline"].tolist() == ["unknown"]
