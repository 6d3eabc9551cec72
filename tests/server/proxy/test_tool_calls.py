"""An agent's loop is one conversation: an answer that only calls a tool is known by what it called with."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import openai
import pytest

from tests.server.proxy.test_recording import settle
from tests.server.proxy.upstreams import CHAT, Exchange, Through, proxied

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from chatkit.models import Message

Json = dict[str, Any]
ROME, ROME_AGAIN = '{"city": "Rome", "days": 2}', '{ "days":2,\n "city":"Rome" }'
OSLO = '{"city": "Oslo", "days": 2}'


class Said(NamedTuple):
    """One step of a loop.

    Attributes:
        who: ``user``, ``model`` or ``tool``.
        text: what was said, or the tool's result.
        calls: the arguments of each call.
    """

    who: str
    text: str = ""
    calls: tuple[str, ...] = ()


ASKED = Said("user", "Where is it warm?")


def calls(*arguments: str, text: str = "") -> Said:
    return Said("model", text, arguments)


class Api(NamedTuple):
    """How an API words a loop.

    Attributes:
        path: where it is asked.
        request: the body that repeats what was said.
        events: of the streamed answer.
        tool_role: in which role a tool's result is stored.
    """

    path: str
    request: Callable[[list[Said]], Json]
    events: Callable[[Said], list[Json]]
    tool_role: str


def halves(text: str) -> tuple[str, str]:
    return text[: len(text) // 2], text[len(text) // 2 :]


def chat_message(said: Said) -> Json:
    if said.who == "tool":
        return {"role": "tool", "tool_call_id": "c", "content": said.text}
    if not said.calls:
        return {"role": "assistant" if said.who == "model" else "user", "content": said.text}
    functions = [{"name": "weather", "arguments": arguments} for arguments in said.calls]
    tool_calls = [{"id": f"c{n}", "type": "function", "function": one} for n, one in enumerate(functions)]
    return {"role": "assistant", "content": said.text or None, "tool_calls": tool_calls}


def chat_events(said: Said) -> list[Json]:
    deltas: list[Json] = [{"role": "assistant", "content": said.text or None}]
    for index, arguments in enumerate(said.calls):
        name = {"name": "weather", "arguments": ""}
        deltas.append({"tool_calls": [{"index": index, "id": f"c{index}", "type": "function", "function": name}]})
        deltas += [{"tool_calls": [{"index": index, "function": {"arguments": half}}]} for half in halves(arguments)]
    ends = [*([None] * (len(deltas))), "tool_calls" if said.calls else "stop"]
    whole = zip([*deltas, {}], ends, strict=True)
    choices = [{"index": 0, "delta": delta, "finish_reason": end} for delta, end in whole]
    kind = {"id": "x", "created": 1, "object": "chat.completion.chunk", "model": "m"}
    return [{**kind, "choices": [choice]} for choice in choices]


def responses_items(said: Said) -> list[Json]:
    if said.who == "tool":
        return [{"type": "function_call_output", "call_id": "c", "output": said.text}]
    if said.who == "user":
        return [{"role": "user", "content": said.text}]
    reasoning = [{"type": "reasoning", "summary": []}]
    content = [{"type": "output_text", "text": said.text}]
    message = [{"type": "message", "role": "assistant", "content": content}] if said.text else []
    called = [{"type": "function_call", "call_id": "c", "name": "weather", "arguments": one} for one in said.calls]
    return [*reasoning, *message, *called]


def responses_events(said: Said) -> list[Json]:
    kind = "response.function_call_arguments.delta"
    return [
        {"type": "response.created", "response": {"model": "m"}},
        {"type": "response.output_text.delta", "delta": said.text},
        *({"type": kind, "output_index": n, "delta": half} for n, one in enumerate(said.calls) for half in halves(one)),
        {"type": "response.completed", "response": {"model": "m", "status": "completed"}},
    ]


def anthropic_message(said: Said) -> Json:
    if said.who == "tool":
        result = {"type": "tool_result", "tool_use_id": "c", "content": said.text}
        return {"role": "user", "content": [result]}
    text = [{"type": "text", "text": said.text}] if said.text else []
    uses = [{"type": "tool_use", "id": "c", "name": "weather", "input": json.loads(one)} for one in said.calls]
    return {"role": "assistant" if said.who == "model" else "user", "content": [*text, *uses]}


def anthropic_events(said: Said) -> list[Json]:
    texts = [{"type": "text_delta", "text": said.text}] if said.text else []
    inputs = [halves("" if one == "{}" else one) for one in said.calls]  # it sends nothing for no arguments
    deltas = [*texts, *({"type": "input_json_delta", "partial_json": half} for one in inputs for half in one)]
    reason = "tool_use" if said.calls else "end_turn"
    return [
        {"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 1}}},
        *({"type": "content_block_delta", "index": 0, "delta": delta} for delta in deltas),
        {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {"output_tokens": 1}},
        {"type": "message_stop"},
    ]


def gemini_content(said: Said) -> Json:
    if said.who == "tool":
        answered = {"name": "weather", "response": {"result": said.text}}
        return {"role": "user", "parts": [{"functionResponse": answered}]}
    called = [{"functionCall": {"name": "weather", "args": json.loads(one)}} for one in said.calls]
    return {"role": said.who, "parts": [*([{"text": said.text}] if said.text else []), *called]}


def gemini_events(said: Said) -> list[Json]:
    parts = gemini_content(said)["parts"]
    contents = [{"role": "model", "parts": [part]} for part in parts]
    candidates: list[Json] = [{"index": 0, "content": content} for content in contents]
    candidates[-1]["finishReason"] = "STOP"
    return [{"candidates": [candidate], "modelVersion": "m"} for candidate in candidates]


def asking(key: str, items: Callable[[Said], list[Json]]) -> Callable[[list[Said]], Json]:
    return lambda said: {"model": "m", "stream": True, key: [item for one in said for item in items(one)]}


APIS = {
    "chat": Api(CHAT, asking("messages", lambda said: [chat_message(said)]), chat_events, "tool"),
    "responses": Api("/v1/responses", asking("input", responses_items), responses_events, "tool"),
    "anthropic": Api(
        "/v1/messages", asking("messages", lambda said: [anthropic_message(said)]), anthropic_events, "user"
    ),
    "gemini": Api(
        "/v1beta/models/m:streamGenerateContent",
        asking("contents", lambda said: [gemini_content(said)]),
        gemini_events,
        "user",
    ),
}


@pytest.fixture(params=APIS)
def api(request: pytest.FixtureRequest) -> Api:
    return APIS[request.param]


def scripted(api: Api, *answers: Said) -> Callable[[Exchange], None]:
    """An upstream that answers one request after the other with this."""
    left = iter(answers)

    def answer(exchange: Exchange) -> None:
        exchange.begin()
        for event in api.events(next(left)):
            exchange.send(f"data: {json.dumps(event)}\n\n".encode())
        exchange.end()

    return answer


def ask(through: Through, api: Api, *said: Said) -> None:
    httpx.post(through.url + api.path, json=api.request([*said])).raise_for_status()
    settle(through)


def kept(through: Through) -> list[list[Message]]:
    return [[*context.messages()] for context in through.store.contexts()]


def is_chained(messages: list[Message]) -> bool:
    return [one.parent_id for one in messages] == [None, *(one.message_id for one in messages[:-1])]


def test_a_loop_of_calls_is_one_conversation_stored_once(api: Api, tmp_path: Path) -> None:
    answers = calls(ROME), calls(OSLO), Said("model", "Rome is.")
    first, second = Said("tool", "31 degrees"), Said("tool", "4 degrees")
    with proxied(tmp_path / "store", scripted(api, *answers, Said("model", "Yes."))) as through:
        said = [ASKED]
        for answer, after in zip(answers, (first, second, Said("user", "Sure?")), strict=True):
            ask(through, api, *said)
            said += [answer, after]
        ask(through, api, *said)
        (messages,) = kept(through)
    assert [one.role for one in messages] == [
        *("user", "assistant", api.tool_role, "assistant", api.tool_role, "assistant"),
        *("user", "assistant"),
    ]
    assert [one.content for one in messages if one.role == "assistant"] == ["", "", "Rome is.", "Yes."]
    assert is_chained(messages)


def test_runs_of_one_prompt_that_call_with_other_arguments_stay_apart(api: Api, tmp_path: Path) -> None:
    script = calls(ROME), calls(OSLO), Said("model", "31 degrees."), Said("model", "4 degrees.")
    with proxied(tmp_path / "store", scripted(api, *script)) as through:
        ask(through, api, ASKED)
        ask(through, api, ASKED)
        ask(through, api, ASKED, calls(ROME), Said("tool", "ok"))
        ask(through, api, ASKED, calls(OSLO), Said("tool", "ok"))
        found = kept(through)
    assert sorted(run[-1].content for run in found) == ["31 degrees.", "4 degrees."]
    assert [len(run) for run in found] == [4, 4]
    assert all(map(is_chained, found))
    by_answer = {run[-1].content: run[1].streaming_response for run in found}
    assert all(
        response is not None and city in "".join(chunk.delta for chunk in response.chunks)
        for response, city in ((by_answer["31 degrees."], "Rome"), (by_answer["4 degrees."], "Oslo"))
    )


def test_the_text_beside_a_call_does_not_join_runs_but_is_enough_where_a_client_leaves_the_call_out(
    api: Api, tmp_path: Path
) -> None:
    script = [calls(city, text=" I look it up. ") for city in (ROME, OSLO)]
    text, result = "I look it up.", Said("tool", "ok")
    with proxied(tmp_path / "store", scripted(api, *script, *(Said("model", str(n)) for n in range(3)))) as through:
        ask(through, api, ASKED)
        ask(through, api, ASKED)
        ask(through, api, ASKED, calls(ROME, text=text), result)
        ask(through, api, ASKED, calls(OSLO, text=text), result)
        assert sorted(run[-1].content for run in kept(through)) == ["0", "1"]
        ask(through, api, ASKED, Said("model", text), Said("user", "And?"))
        found = kept(through)
    assert len(found) == 2
    assert sorted(len(run) for run in found) == [4, 6]


def test_a_new_proxy_on_the_same_store_goes_on_with_a_loop(api: Api, tmp_path: Path) -> None:
    script = calls(ROME), calls(OSLO, text="And there?"), calls(ROME, OSLO), Said("model", "Rome is.")
    said = [ASKED]
    for answer in script:
        with proxied(tmp_path / "store", scripted(api, answer)) as through:
            ask(through, api, *said)
            (messages,) = kept(through)
        said += [answer, Said("tool", f"result {len(said)}")]
    assert [one.role for one in messages] == ["user", *["assistant", api.tool_role] * 3, "assistant"]
    assert is_chained(messages)


def test_several_calls_of_one_answer_count_in_order(api: Api, tmp_path: Path) -> None:
    script = calls(ROME, OSLO), Said("model", "Both."), Said("model", "Unknown.")
    results = Said("tool", "31"), Said("tool", "4")
    with proxied(tmp_path / "store", scripted(api, *script)) as through:
        ask(through, api, ASKED)
        ask(through, api, ASKED, calls(ROME, OSLO), *results)
        ask(through, api, ASKED, calls(OSLO, ROME), *results)
        found = kept(through)
    assert [one.content for run in found for one in run if one.role == "assistant" and one.content] in (
        ["Both.", "Unknown."],
        ["Unknown.", "Both."],
    )
    assert sorted(len(run) for run in found) == [4, 5]


def test_other_white_space_and_another_order_of_keys_are_the_same_call(api: Api, tmp_path: Path) -> None:
    script = calls(ROME), Said("model", "31 degrees.")
    with proxied(tmp_path / "store", scripted(api, *script)) as through:
        ask(through, api, ASKED)
        ask(through, api, ASKED, calls(ROME_AGAIN), Said("tool", "31"))
        (messages,) = kept(through)
    assert len(messages) == 4
    assert is_chained(messages)


def test_a_call_without_arguments_is_one_too(api: Api, tmp_path: Path) -> None:
    said = [ASKED, calls("{}"), Said("tool", "31"), calls("{}"), Said("tool", "4")]
    for n_said, answer in ((1, said[1]), (3, said[3]), (5, Said("model", "Rome."))):
        with proxied(tmp_path / "store", scripted(api, answer)) as through:
            ask(through, api, *said[:n_said])
            (messages,) = kept(through)
    assert [one.content for one in messages if one.role == "assistant"] == ["", "", "Rome."]
    assert is_chained(messages)


def test_an_answer_that_failed_before_anything_came_is_not_taken_for_a_call(tmp_path: Path) -> None:
    api = APIS["anthropic"]
    whole = scripted(api, calls("{}"), Said("model", "Rome."))

    def answer(exchange: Exchange) -> None:
        if len(through.upstream.exchanges) != 2:
            whole(exchange)
            return
        exchange.begin()
        exchange.send(b'data: {"type": "error", "error": {"type": "overloaded_error"}}\n\n')
        exchange.end()

    with proxied(tmp_path / "store", answer) as through:
        ask(through, api, ASKED)
        ask(through, api, ASKED)
        ask(through, api, ASKED, calls("{}"), Said("tool", "31"))
        failed, run = sorted(kept(through), key=len)
    assert [one.content for one in failed] == [ASKED.text, ""]
    assert [one.content for one in run] == [ASKED.text, "", "", "Rome."]
    with proxied(tmp_path / "store", scripted(api, Said("model", "Rome, still."))) as again:
        ask(again, api, ASKED, calls("{}"), Said("tool", "31"))
        assert sorted(len(one) for one in kept(again)) == [2, 5]


def test_arguments_that_are_no_json_are_compared_as_they_are(tmp_path: Path) -> None:
    api = APIS["chat"]
    cut, other = '{"city": "Rom', '{"city": "Osl'
    with proxied(tmp_path / "store", scripted(api, calls(cut), calls(other), *[Said("model", "Well.")] * 2)) as through:
        ask(through, api, ASKED)
        ask(through, api, ASKED)
        ask(through, api, ASKED, calls(f" {cut}\n"), Said("tool", "no JSON"))
        ask(through, api, ASKED, calls(f" {other}\n"), Said("tool", "no JSON"))
        assert [len(run) for run in kept(through)] == [4, 4]


def test_who_gives_the_result_while_the_call_is_still_open_goes_on_with_its_context(api: Api, tmp_path: Path) -> None:
    is_over = threading.Event()
    has_asked_on = threading.Event()

    def answer(exchange: Exchange) -> None:
        is_first = not has_asked_on.is_set()
        exchange.begin()
        for event in api.events(calls(ROME) if is_first else Said("model", "31 degrees.")):
            exchange.send(f"data: {json.dumps(event)}\n\n".encode())
        if is_first:
            is_over.wait(10)
        exchange.end()

    with proxied(tmp_path / "store", answer) as through:
        with httpx.stream("POST", through.url + api.path, json=api.request([ASKED])) as opened:
            pieces = opened.iter_raw()
            next(pieces)
            has_asked_on.set()
            httpx.post(through.url + api.path, json=api.request([ASKED, calls(ROME), Said("tool", "31")]))
            is_over.set()
            for _ in pieces:
                pass
        settle(through)
        (messages,) = kept(through)
    assert len(messages) == 4
    assert is_chained(messages)


def test_the_message_that_openai_s_client_puts_together_is_known_when_it_is_sent_back(tmp_path: Path) -> None:
    api = APIS["chat"]
    script = calls(ROME, OSLO), calls(ROME), Said("model", "Rome is.")
    with (
        proxied(tmp_path / "store", scripted(api, *script)) as through,
        openai.OpenAI(base_url=f"{through.url}/v1", api_key="k") as client,
    ):
        messages: list[Any] = [{"role": "user", "content": ASKED.text}]
        for _ in script:
            with client.chat.completions.stream(model="m", messages=messages) as stream:
                message = stream.get_final_completion().choices[0].message
            called = message.tool_calls or []
            results = [{"role": "tool", "tool_call_id": call.id, "content": f"{call.id} done"} for call in called]
            messages += [message, *results]
            settle(through)
        (found,) = kept(through)
    assert message.content == "Rome is."
    assert [one.role for one in found] == ["user", "assistant", "tool", "tool", "assistant", "tool", "assistant"]
    assert is_chained(found)
