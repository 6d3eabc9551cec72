"""When chunks of a replay are due: the vectors that the player's JavaScript is held to as well."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chatkit.timing import Schedule, in_order

CASES = json.loads((Path(__file__).parents[1] / "schedule_vectors.json").read_text(encoding="utf-8"))["cases"]


def planned(case: dict[str, Any]) -> Schedule:
    return Schedule.of(
        case["arrivals_ms"],
        case["end_ms"],
        speed=case["speed"],
        idle_limit_ms=case["idle_limit_ms"],
        from_ms=case["from_ms"],
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_schedule_follows_the_shared_vectors(case: dict[str, Any]) -> None:
    plan = planned(case)
    assert plan.due_ms.tolist() == case["due_ms"]
    assert plan.end_ms == case["replay_end_ms"]
    for moment in case["moments"]:
        assert plan.count_at(moment["elapsed_ms"]) == moment["count"], moment
        assert plan.position_ms(moment["elapsed_ms"]) == moment["position_ms"], moment


def test_without_an_end_a_replay_ends_with_its_last_chunk_and_one_before_that_is_no_end() -> None:
    assert Schedule.of([100, 250]).end_ms == 250
    assert Schedule.of([100, 250], 90).end_ms == 250
    assert Schedule.of([]).end_ms == 0


def test_chunks_stamped_before_their_predecessor_are_due_with_it() -> None:
    assert in_order([5, 3, 8, -2]).tolist() == [5, 5, 8, 8]
    assert Schedule.of([5, 3, 8]).due_ms.tolist() == [5, 5, 8]


def test_twenty_thousand_shortened_waits_add_up_to_no_error() -> None:
    arrivals = np.arange(1, 20_001) * 37.5  # exact in binary
    plan = Schedule.of(arrivals, idle_limit_ms=12.5)
    assert plan.due_ms.tolist() == (np.arange(1, 20_001) * 12.5).tolist()
    assert plan.position_ms(12.5 * 9_999) == 37.5 * 9_999


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"speed": -1}, "speed is -1"),
        ({"speed": math.nan}, "speed is nan"),
        ({"speed": math.inf}, "0 for instant"),
        ({"idle_limit_ms": 0}, "idle_limit_ms is 0"),
        ({"from_ms": math.nan}, "from_ms is NaN"),
    ],
)
def test_numbers_that_make_no_sense_are_named(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Schedule.of([1.0], **wrong)
