"""The widget: what Python says to the player in the browser, and what it hears from it."""

from __future__ import annotations

import math
import time
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from chatkit.errors import StreamStateError
from chatkit.player.axes_link import AxesLink, link
from chatkit.player.choice import messages_of
from chatkit.player.document import page
from chatkit.player.embedding import Embedded
from chatkit.player.live import Follower, Growth, is_live
from chatkit.replay.lanes import Lane, lane
from chatkit.timing.schedule import check_idle_limit, check_speed
from chatkit.web import player_module, player_style

if TYPE_CHECKING:
    import os

    from matplotlib.axes import Axes

    from chatkit.player.choice import Playable
    from chatkit.player.picture import TimePicture
    from chatkit.store import Store

_FOLLOWABLE = ("position_ms", "chunk", traitlets.All)
"""Names whose observers want to hear of the position while it moves."""


class Player(anywidget.AnyWidget):
    """Replays streamed responses as they arrived; several share one clock.

    The clock is in the browser: chunks are sent once, so a replay goes on while the kernel is busy, or gone.

    >>> from datetime import UTC, datetime, timedelta
    >>> from chatkit.models import Chunk, Message, Response
    >>> sent = datetime(2026, 1, 1, tzinfo=UTC)
    >>> hello = Chunk(sequence=1, delta="Hello", timestamp=sent + timedelta(milliseconds=103))
    >>> response = Response(content="Hello", chunks=(hello,), started_at=sent)
    >>> message = Message.from_response(response, message_id="1a2b3c4d-0000-4000-8000-000000000000")
    >>> Player(message, speed=2)
    Player(message 1a2b3c4d: 1 chunk, 103 ms, TTFT 103 ms, 2x)

    Args:
        message: a streamed response: a message, or with ``store`` its id or a row of a table; or several. Or a
            recorder (``ck.record``): then the response is shown as it arrives, and can be replayed when it ends.
            Show that player before the recorder's ``with`` block: what happens inside counts as waiting.
        speed: 1 is as recorded, 2 twice as fast, 0 instant.
        idle_limit_ms: to what every longer wait is shortened; None keeps them.
        autoplay: whether it starts by itself when it is shown.
        store: where ids and rows are looked up.
        traits: those of any widget, such as ``layout``.

    Attributes:
        lanes: what is replayed; none while a response is still arriving.
        speed: as above; follows what is chosen in the browser.
        playing: whether time runs.
        position_ms: recorded time, counted from the request. Known on play, pause, seek, step and at the
            end, and ten times a second while something observes it.
        chunk: index of the last chunk that the first lane shows, -1 before the first.
        idle_limit_ms: as above.
        autoplay: as above.

    Raises:
        NotFoundError: the store has no such message.
        TypeError: ``message`` is neither a message nor several, or an id without a store.
        ValueError: a message was not streamed, the list is empty, or a number makes no sense.
    """

    _follower: Follower | None = None
    _esm = player_module()
    _css = player_style()
    _lanes = traitlets.List(traitlets.Dict()).tag(sync=True)
    _live = traitlets.Bool(default_value=False).tag(sync=True)
    _tail = traitlets.Dict().tag(sync=True)
    _followed = traitlets.Bool(default_value=False).tag(sync=True)
    speed = traitlets.Float(1.0).tag(sync=True)
    playing = traitlets.Bool(default_value=False).tag(sync=True)
    position_ms = traitlets.Float(0.0).tag(sync=True)
    chunk = traitlets.Int(-1).tag(sync=True)
    idle_limit_ms = traitlets.Float(None, allow_none=True).tag(sync=True)
    autoplay = traitlets.Bool(default_value=False).tag(sync=True)

    def __init__(
        self,
        message: Playable,
        speed: float = 1,
        idle_limit_ms: float | None = None,
        autoplay: bool = False,
        *,
        store: Store | None = None,
        **traits: Any,
    ) -> None:
        if is_live(message) and message.is_finished:
            message = message.message
        self._growth = Growth(message) if is_live(message) else None
        self._looking = RLock()
        self._replayed = () if self._growth else tuple(lane(each) for each in messages_of(message, store))
        super().__init__(
            _lanes=[self._growth.whole()] if self._growth else [each.to_wire() for each in self._replayed],
            _live=self._growth is not None,
            speed=speed,
            idle_limit_ms=idle_limit_ms,
            autoplay=autoplay,
            **traits,
        )
        if self._growth:
            self._follower = Follower(lambda: self._look(time.time_ns() // 1000))
            self._follower.start()

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """What is replayed; none while a response is still arriving."""
        self._catch_up()
        return self._replayed

    def close(self) -> None:
        """Take the player away, as any widget; a live one is followed no more."""
        if self._follower is not None:
            self._follower.stop()
        super().close()

    def play(self) -> None:
        """Go on from here; from the start after the end."""
        self.playing = True
        self._ask("play")

    def pause(self) -> None:
        """Stop here."""
        self.playing = False
        self._ask("pause")

    def restart(self) -> None:
        """Play from the start."""
        self.position_ms = 0.0
        self.playing = True
        self._ask("restart")

    def seek(self, ms: float) -> None:
        """Go to a moment of the recording, in ms since the request; past the end is the end.

        Raises:
            ValueError: ``ms`` is NaN.
        """
        self.position_ms = ms
        self._ask("seek", ms=self.position_ms)

    def page(self, title: str | None = None) -> str:
        """Return an HTML document that replays the same without network and kernel.

        Raises:
            StreamStateError: the response is still arriving.
        """
        lanes = self.lanes
        if self._growth is not None:
            raise StreamStateError("the response is still arriving: wait for the end of its recorder's 'with' block")
        return page(
            lanes,
            title=title,
            speed=self.speed,
            idle_limit_ms=self.idle_limit_ms,
            autoplay=self.autoplay,
        )

    def to_html(self, path: str | os.PathLike[str], *, title: str | None = None) -> Path:
        """Write :meth:`page` to a file and return its path."""
        target = Path(path)
        target.write_text(self.page(title), encoding="utf-8", newline="\n")
        return target

    def embed(self, *, height_px: int = 360) -> Embedded:
        """Return :meth:`page` in a frame, as a cell's output: exported by nbconvert, it replays offline.

        Args:
            height_px: of the frame; what does not fit is scrolled to.
        """
        return Embedded(self.page(), repr(self), height_px)

    def link_axes(self, ax: Axes) -> AxesLink | TimePicture:
        """Put a cursor on a chart whose x axis is the response's time in seconds (``ck.plot_gaps``).

        The cursor moves with the player, and a click on the chart moves the player. A chart that is a widget
        (``%matplotlib widget``) or a window stays where it is; a static one is shown here, as it is now.

        Returns:
            The link; its ``close()`` ends it.

        Raises:
            ValueError: the chart is a static one, and its x axis is not linear.
        """
        return link(self, ax)

    def observe(self, *args: Any, **kwargs: Any) -> None:
        """Call a function when a trait changes, as in any widget; see ``traitlets.HasTraits.observe``."""
        super().observe(*args, **kwargs)
        self._note_followers()

    def unobserve(self, *args: Any, **kwargs: Any) -> None:
        """End what :meth:`observe` began."""
        super().unobserve(*args, **kwargs)
        self._note_followers()

    def unobserve_all(self, *args: Any, **kwargs: Any) -> None:
        """End all that :meth:`observe` began."""
        super().unobserve_all(*args, **kwargs)
        self._note_followers()

    def __repr__(self) -> str:
        lanes, growth = self.lanes, self._growth
        if growth is not None:
            return f"Player(message {growth.message_id[:8]}: live)" if growth.message_id else "Player(live: not begun)"
        return f"Player({'; '.join(each.describe() for each in lanes)}, {_speed_text(self.speed)})"

    def _catch_up(self) -> None:
        """Be the replay of a response that has ended, though the follower has not looked since."""
        if self._growth is not None and self._growth.source.is_finished:
            self._look(time.time_ns() // 1000)

    def _look(self, now_us: int) -> bool:
        """Send what has come of a live response; when it has ended, become its replay. Whether it goes on."""
        with self._looking:  # the follower looks in a thread of its own
            growth = self._growth
            if growth is None:
                return False
            if growth.source.is_finished:
                self._become_replay(lane(growth.source.message))
                return False
            if growth.message_id is not None and (growth.take() or not self._tail):
                self._send_growth(growth, now_us)
            return True

    def _send_growth(self, growth: Growth, now_us: int) -> None:
        if not growth.is_tail_long():
            self._tail = growth.tail(now_us)
            return
        with self.hold_sync():  # one message: apart, they would hold some chunks twice
            self._lanes = [growth.whole()]
            self._tail = growth.tail(now_us)

    def _become_replay(self, made: Lane) -> None:
        self._replayed = (made,)
        self._growth = None
        with self.hold_sync():
            self._lanes = [made.to_wire()]
            self._tail = {}
            self.position_ms = made.total_ms
            self.chunk = len(made.arrivals_ms) - 1
            self._live = False

    def _ask(self, command: str, **values: float) -> None:
        """Tell the views. A trait alone would not do: to set it to the value it has sends nothing."""
        self.send({"command": command, **values})

    def _note_followers(self) -> None:
        notifiers = self._trait_notifiers
        self._followed = any(notifiers.get(name, {}).get("change") for name in _FOLLOWABLE)

    @traitlets.validate("speed")
    def _check_speed(self, proposal: dict[str, Any]) -> float:
        speed = float(proposal["value"])
        check_speed(speed)
        return speed

    @traitlets.validate("idle_limit_ms")
    def _check_idle_limit(self, proposal: dict[str, Any]) -> float | None:
        limit_ms: float | None = proposal["value"]
        check_idle_limit(limit_ms)
        return limit_ms

    @traitlets.validate("position_ms")
    def _check_position(self, proposal: dict[str, Any]) -> float:
        position_ms = float(proposal["value"])
        if math.isnan(position_ms):
            raise ValueError("position_ms is NaN: give the time since the request in ms")
        return min(max(position_ms, 0.0), max((each.total_ms for each in self.lanes), default=0.0))

    @traitlets.validate("chunk")
    def _check_chunk(self, proposal: dict[str, Any]) -> int:
        chunk = int(proposal["value"])
        last = len(self.lanes[0].arrivals_ms) - 1 if self.lanes else -1
        if not -1 <= chunk <= last:
            raise ValueError(f"chunk is {chunk}: give -1 (before the first) to {last}")
        return chunk


def _speed_text(speed: float) -> str:
    return f"{speed:g}x" if speed else "instant"
