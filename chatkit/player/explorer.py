"""A store to browse: contexts, their messages, and a message's player and chart."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from chatkit.charts import plot_gaps
from chatkit.frames import chunks_df
from chatkit.player.catalogue import Catalogue, Wanted, line_of, title_of
from chatkit.player.pager import Pager
from chatkit.player.picture import TimePicture
from chatkit.player.widget import Player

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chatkit.models import Message
    from chatkit.store import Context, Store

_ANY = "any"
_PICTURE_INCHES = (9.0, 2.8)


def explore(store: Store, labels: Sequence[str] | None = None) -> Explorer:
    """Browse a store in the notebook: choose a context, then a message, and see it replayed beside its gaps.

    The contexts can be browsed at once. Meanwhile the table of responses is read, which the filters ask; messages
    are read a page at a time, when it is shown.

    Args:
        store: which.
        labels: keys of the messages' own metadata to choose by; those that its first contexts use by default.
    """
    contexts = tuple(store.contexts())
    explorer = Explorer(contexts)
    _meanwhile(lambda: Catalogue.of(store, contexts, labels), explorer)
    return explorer


class Explorer(widgets.VBox):  # type: ignore[misc] # ipywidgets ships no types
    """Lists over a player and a chart; :func:`explore` makes one.

    Args:
        contexts: what is listed.

    Attributes:
        catalogue: what the filters ask; None until :meth:`take` is given it.
        context: the chosen one; None where none matches.
        message: the chosen one; None where there is none.
        player: its player; None for a message that was not streamed.
    """

    def __init__(self, contexts: Sequence[Context]) -> None:
        self.contexts = contexts
        self.catalogue: Catalogue | None = None
        self.context: Context | None = None
        self.message: Message | None = None
        self.player: Player | None = None
        self._matching: frozenset[str] = frozenset()
        self._model, self._label, self._value = _choice("model", [_ANY]), _choice("label", []), _choice("is", [_ANY])
        self._stalls = widgets.Checkbox(description="has stalls", indent=False, layout={"width": "auto"})
        self._said = widgets.Label("reading the responses …")
        self._contexts = Pager("contexts", title_of, self._show_context)
        self._messages = Pager("messages", self._line, self._show_message)
        self._stage = widgets.VBox()
        row = {"flex_flow": "row wrap", "align_items": "center", "grid_gap": "4px 12px"}
        self._filters = widgets.HBox([self._said], layout=row)
        lists = widgets.HBox([self._contexts, self._messages], layout={"flex_flow": "row wrap"})
        super().__init__([self._filters, lists, self._stage])
        self._contexts.offer(contexts)

    def __repr__(self) -> str:
        return f"Explorer({len(self.contexts):,} contexts)"

    def take(self, catalogue: Catalogue) -> None:
        """Offer the filters; what is chosen stays."""
        self.catalogue = catalogue
        self._model.options, self._label.options = [_ANY, *catalogue.models], catalogue.labels
        self._label.value = next(iter(catalogue.labels), None)
        self._offer_values(None)
        self._label.observe(self._offer_values, "value")
        for control in (self._model, self._value, self._stalls):
            control.observe(self._filter, "value")
        labels = [self._label, self._value] if catalogue.labels else []
        self._filters.children = [self._model, *labels, self._stalls]

    def fail(self, error: BaseException) -> None:
        """Say why there are no filters."""
        self._said.value = f"the responses can't be filtered: {error}"

    @property
    def wanted(self) -> Wanted:
        """What the controls ask for."""
        model, value = (None if control.value == _ANY else control.value for control in (self._model, self._value))
        label = None if value is None else self._label.value
        return Wanted(model=model, label=label, value=value, has_stalls=self._stalls.value)

    def _offer_values(self, _: Any) -> None:
        label, catalogue = self._label.value, self.catalogue
        self._value.options = [_ANY, *catalogue.values_of(label)] if label and catalogue else [_ANY]

    def _filter(self, _: Any) -> None:
        if self.catalogue is not None:
            self._matching = frozenset(self.catalogue.matching(self.wanted)["message_id"])
            self._contexts.offer(self.catalogue.contexts_with(self.wanted))

    def _show_context(self, context: Context | None) -> None:
        self.context = context
        messages = None if context is None else _MessagesOf(context)
        wanted = (place for place, each in enumerate(messages.ids if messages else ()) if each in self._matching)
        at = 0 if self.wanted == Wanted() else next(wanted, 0)
        self._messages.offer(messages or (), at, self._is_wanted)

    def _is_wanted(self, message: Message) -> bool:
        """Whether this is a response, and one that is asked for."""
        is_any = self.wanted == Wanted()
        return message.streaming_response is not None and (is_any or message.message_id in self._matching)

    def _line(self, message: Message) -> str:
        """Return one line for a message; a response that is asked for is marked."""
        return f"{'▸' if self._is_wanted(message) else ' '} {line_of(message)}"

    def _show_message(self, message: Message | None) -> None:
        left, self.message = self._stage.children, message
        self.player = None
        self._stage.children = [] if message is None else self._scene(message)
        for widget in left:
            widget.close()

    def _scene(self, message: Message) -> list[widgets.Widget]:
        if message.streaming_response is None:
            text = widgets.Textarea(message.content, disabled=True, rows=8, layout={"width": "auto"})
            return [text]
        self.player = Player(message)
        figure = Figure(figsize=_PICTURE_INCHES, layout="constrained")
        FigureCanvasAgg(figure)
        ax = plot_gaps(chunks_df(message), ax=figure.subplots())
        return [self.player, TimePicture(self.player, ax)]


class _MessagesOf:
    """The messages of a context for a pager: those of a page are read when it is shown."""

    def __init__(self, context: Context) -> None:
        self.ids = context.message_ids
        self._context = context

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, part: slice) -> Sequence[Message]:
        return self._context.messages(part.start, part.stop)


def _meanwhile(read: Callable[[], Catalogue], explorer: Explorer) -> None:
    """Read beside the notebook's event loop; where there is none nothing waits for it either."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        explorer.take(read())
        return

    def hand_over(done: asyncio.Future[Catalogue]) -> None:
        error = done.exception()
        if error is None:
            explorer.take(done.result())
        else:
            explorer.fail(error)

    loop.run_in_executor(None, read).add_done_callback(hand_over)


def _choice(name: str, values: Sequence[Any]) -> widgets.Dropdown:
    layout, style = {"width": "auto", "min_width": "140px"}, {"description_width": "initial"}
    return widgets.Dropdown(options=values, description=name, layout=layout, style=style)
