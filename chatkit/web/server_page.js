// The page of `chatkit serve`: contexts, their messages, and each response played where it stands.

import { element } from "./element.js";
import { startPage } from "./page.js";

const MESSAGES_AT_ONCE = 20;

/** Start the page in `document`. The address says which context is shown: `#/contexts/{id}`. */
export async function startServerPage() {
  const contexts = new ContextList(document.getElementById("contexts"), document.getElementById("more-contexts"));
  let shown = null;
  const show = () => {
    const id = location.hash.match(/^#\/contexts\/([0-9a-f-]{36})$/)?.[1] ?? null;
    contexts.mark(id);
    shown?.close();
    shown = id === null ? null : new ContextView(document.getElementById("main"), id);
  };
  addEventListener("hashchange", show);
  await contexts.more();
  show();
}

/** Ask the server; what goes wrong is shown, and thrown. */
async function ask(path) {
  const problem = document.getElementById("problem");
  let answer;
  try {
    answer = await fetch(path);
  } catch {
    throw told(problem, "The server does not answer. Is it still running?");
  }
  if (!answer.ok) throw told(problem, (await answer.json().catch(() => ({}))).detail ?? answer.statusText);
  problem.hidden = true;
  return answer.json();
}

function told(problem, text) {
  problem.textContent = text;
  problem.hidden = false;
  return new Error(text);
}

/** The list of contexts, page by page. */
class ContextList {
  constructor(list, button) {
    this.list = list;
    this.button = button;
    this.cursor = null;
    button.addEventListener("click", () => this.more());
  }

  async more() {
    const cursor = this.cursor === null ? "" : `&cursor=${this.cursor}`;
    const page = await ask(`/api/contexts?limit=50${cursor}`);
    this.cursor = page.next_cursor;
    this.button.hidden = this.cursor === null;
    const items = [...page.contexts.map(contextItem), ...page.problems.map(unreadableItem)];
    this.list.append(...items);
    this.mark(this.marked ?? null);
    if (!this.list.children.length) this.list.append(element("li", { class: "hint" }, "No context yet."));
  }

  mark(id) {
    this.marked = id;
    for (const link of this.list.querySelectorAll("a")) {
      if (link.hash === `#/contexts/${id}`) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }
}

function contextItem({ context_id, metadata }) {
  const about = [when(metadata.created_at), metadata.config?.model_id].filter(Boolean).join(" · ");
  return element(
    "li",
    {},
    element("a", { href: `#/contexts/${context_id}` }, titleOf(context_id, metadata), element("small", {}, about)),
  );
}

function unreadableItem({ id, detail }) {
  return element("li", { class: "problem" }, `${id.slice(0, 8)}: ${detail}`);
}

/** One context: its messages, page by page, and what happens in it meanwhile. */
class ContextView {
  constructor(main, id) {
    this.id = id;
    this.messages = new Map();
    this.waiting = [];
    this.list = element("ol", { class: "messages" });
    this.title = element("h2", {}, "…");
    this.state = element("p", { class: "state" });
    this.button = element("button", { type: "button", hidden: "" }, "More messages");
    this.button.addEventListener("click", () => this.more());
    main.replaceChildren(this.title, this.state, this.list, this.button);
    main.scrollTop = 0;
    this.live = new EventSource(`/api/contexts/${id}/sse`);
    this.live.addEventListener("ContextUpdate", (event) => this.update(JSON.parse(event.data)));
    this.live.addEventListener("Delta", (event) => this.grow(JSON.parse(event.data)));
    this.live.addEventListener("error", () => this.state.classList.toggle("problem", this.live.readyState === 2));
    this.begin();
  }

  async begin() {
    const { message_ids, metadata, current_state } = await ask(`/api/contexts/${this.id}`);
    this.title.textContent = titleOf(this.id, metadata);
    this.state.textContent ||= stateText(current_state);
    this.waiting = [...message_ids.filter((id) => !this.messages.has(id) && !this.waiting.includes(id)), ...this.waiting];
    await this.more();
  }

  /** Read the next messages. */
  async more() {
    const ids = this.waiting.splice(0, MESSAGES_AT_ONCE);
    this.button.hidden = this.waiting.length === 0;
    if (ids.length) await this.read(ids);
  }

  async read(ids) {
    const batch = await ask(`/api/messages/batch?ids=${ids.join(",")}`);
    const found = new Map(batch.messages.map((message) => [message.message_id, message]));
    const bad = new Map(batch.problems.map(({ id, detail }) => [id, detail]));
    for (const id of ids) {
      const view = this.messages.get(id) ?? this.add(id);
      if (found.has(id)) view.show(found.get(id));
      else view.fail(bad.get(id) ?? "The message is gone.");
    }
  }

  add(id) {
    const view = new MessageView(id);
    this.messages.set(id, view);
    this.list.append(view.el);
    return view;
  }

  update({ current_state, message_update: { message_id, type } }) {
    this.state.textContent = stateText(current_state);
    if (type === "created" && !this.messages.has(message_id) && !this.waiting.includes(message_id)) {
      if (this.waiting.length) this.waiting.push(message_id);
      else this.read([message_id]);
    } else if (type === "completed" && this.messages.has(message_id)) {
      this.read([message_id]);
    }
  }

  grow({ message_id, sequence, delta, kind }) {
    this.messages.get(message_id)?.grow(sequence, kind ? "" : delta);
  }

  close() {
    this.live.close();
    for (const view of this.messages.values()) view.close();
  }
}

/** One message; a response can be played in its place. */
class MessageView {
  constructor(id) {
    this.id = id;
    this.sequence = 0;
    this.about = element("small", {});
    this.heading = element("h3", {}, "…");
    this.text = element("pre", { class: "content" });
    this.play = element("button", { type: "button", hidden: "" }, "Play");
    this.play.addEventListener("click", () => this.start());
    this.stage = element("div", {});
    const head = element("header", {}, element("div", {}, this.heading, this.about), this.play);
    this.el = element("li", { class: "message", id: `message-${id}` }, head, this.text, this.stage);
  }

  show(message) {
    const response = message.streaming_response;
    const isOver = response && (response.completed_at !== null || response.finish_reason !== null);
    this.el.dataset.role = message.role;
    this.heading.textContent = message.role;
    this.about.textContent = aboutMessage(message);
    this.text.textContent = contentOf(message);
    this.sequence = response?.chunks.at(-1)?.sequence ?? 0;
    this.play.hidden = !isOver || response.chunks.length === 0;
    this.play.setAttribute("aria-label", `Play the response: ${this.about.textContent}`);
  }

  fail(detail) {
    this.heading.textContent = this.id.slice(0, 8);
    this.text.textContent = detail;
    this.text.classList.add("problem");
  }

  /** Add what has just come, unless it was read already. */
  grow(sequence, delta) {
    if (sequence !== this.sequence + 1) return;
    this.sequence = sequence;
    this.text.append(delta);
  }

  /** Put the player where the text is, and play. */
  async start() {
    const lane = await ask(`/page/lanes/${this.id}`);
    this.close();
    const state = { speed: 1, idle_limit_ms: null, autoplay: true, playing: false, position_ms: 0, chunk: -1 };
    this.stop = startPage(this.stage, { lanes: [lane], state });
    this.text.hidden = true;
    this.play.hidden = true;
    this.stage.querySelector(".ck-player")?.focus();
  }

  close() {
    this.stop?.();
  }
}

function titleOf(id, metadata) {
  return metadata.title?.trim() || `Context ${id.slice(0, 8)}`;
}

function aboutMessage(message) {
  const response = message.streaming_response;
  const parts = [when(message.created_at), message.message_type === "text" ? null : message.message_type];
  if (response) {
    const seconds = response.total_duration_ms === null ? null : `${(response.total_duration_ms / 1000).toFixed(2)} s`;
    parts.push(response.model, `${response.chunks.length} chunks`, seconds, response.finish_reason);
  }
  return parts.filter(Boolean).join(" · ");
}

function contentOf(message) {
  const payload = message[message.message_type];
  const text = payload?.content ?? payload?.text ?? payload;
  return typeof text === "string" ? text : JSON.stringify(payload ?? null, null, 1);
}

function stateText(state) {
  return typeof state === "string" ? state.replaceAll("_", " ") : `failed: ${state.failed?.error_message ?? ""}`;
}

function when(stamp) {
  return stamp ? new Date(stamp).toLocaleString() : "";
}
