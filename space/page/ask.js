// Asks the server, through Gradio's queue: https://www.gradio.app/guides/querying-gradio-apps-with-curl

let names = null; // the numbers of the endpoints by their names, once they are known

async function numberOf(name) {
  if (!names) {
    const { dependencies } = await (await fetch("config")).json();
    names = Object.fromEntries(dependencies.map((each) => [each.api_name, each.id]));
  }
  return names[name];
}

// What is said to who waits at this place of the queue, for a server that is `doing` something.
export function waiting({ rank, size, eta }, doing) {
  const seconds = eta ? `, about ${Math.ceil(eta)} s` : "";
  return rank > 0 ? `Waiting: number ${rank + 1} of ${size} in the queue${seconds} …` : `${doing}${seconds} …`;
}

// The result of an endpoint for its arguments in order. `onQueue` gets {rank, size, eta}: how many are before this one,
// of how many, and in about how many seconds it is done, or null. Error(message) where the server has no answer.
export async function ask(name, data, onQueue = () => {}) {
  const session_hash = crypto.randomUUID?.() ?? String(Math.random()).slice(2);
  const join = async () => {
    const body = JSON.stringify({ data, fn_index: await numberOf(name), session_hash });
    return fetch("gradio_api/queue/join", { method: "POST", headers: { "Content-Type": "application/json" }, body });
  };
  const joined = await join().catch(() => null);
  if (!joined) throw new Error("The server cannot be reached. Is it still running?");
  if (!joined.ok) throw new Error((await joined.json().catch(() => ({}))).detail ?? `The server said ${joined.status}.`);
  return new Promise((resolve, reject) => {
    const stream = new EventSource(`gradio_api/queue/data?session_hash=${session_hash}`);
    const done = (settle, value) => {
      stream.close();
      settle(value);
    };
    stream.onmessage = ({ data: line }) => {
      const message = JSON.parse(line);
      if (message.msg === "estimation") {
        onQueue({ rank: message.rank, size: message.queue_size, eta: message.rank_eta });
      } else if (message.msg === "process_starts") {
        onQueue({ rank: 0, size: 0, eta: message.eta ?? null });
      } else if (message.msg === "process_completed") {
        if (message.success) done(resolve, message.output.data[0]);
        else done(reject, new Error(message.output.error ?? "The server failed at this. Try a shorter text."));
      } else if (message.msg === "unexpected_error") {
        done(reject, new Error(message.message));
      }
    };
    stream.onerror = () => done(reject, new Error("The connection to the server broke. Try again."));
  });
}
