"""GraphiQL without the internet.

strawberry's page loads React and GraphiQL from a CDN (with subresource integrity). Where that cannot be reached, the page would
stay at "Loading…"; this adds a plain console to it that needs nothing: a query, its variables, the answer, a subscription.
"""

FALLBACK = """
<script>
(function () {
var taken = false;
var take = function () {
  if (taken || (window.React && window.GraphiQL)) return;
  taken = true;
  window.stop();
  if (!document.body) document.documentElement.appendChild(document.createElement("body"));
  document.body.style.cssText = "margin:0;height:100vh;display:grid;grid-template:auto 1fr/1fr 1fr;font:14px sans-serif";
  document.body.innerHTML =
    '<div style="grid-column:1/3;padding:8px;background:#eee">GraphiQL could not be loaded (no internet): a plain console. ' +
    '<button id="run">Run (Ctrl-Enter)</button> <button id="stop">Stop</button></div>' +
    '<div style="display:grid;grid-template-rows:3fr 1fr"><textarea id="query" spellcheck="false"></textarea>' +
    '<textarea id="variables" placeholder="variables, as JSON" spellcheck="false"></textarea></div>' +
    '<pre id="answer" style="margin:0;padding:8px;overflow:auto"></pre>';
  var get = function (id) { return document.getElementById(id); };
  var socket = null;
  get("query").value = "{\\n  ontology { version classes { name domain } }\\n}";
  var stop = function () { if (socket) { socket.close(); socket = null; } };
  var watch = function (payload) {
    socket = new WebSocket(location.href.replace(/^http/, "ws"), "graphql-transport-ws");
    get("answer").textContent = "waiting for changes\\n";
    socket.onopen = function () { socket.send('{"type":"connection_init"}'); };
    socket.onmessage = function (event) {
      var message = JSON.parse(event.data);
      if (message.type === "connection_ack") socket.send(JSON.stringify({id: "1", type: "subscribe", payload: payload}));
      else if (message.payload) get("answer").prepend(JSON.stringify(message.payload, null, 2) + "\\n");
    };
  };
  var run = function () {
    stop();
    var payload;
    try {
      payload = {query: get("query").value, variables: JSON.parse(get("variables").value || "{}")};
    } catch (error) { get("answer").textContent = "variables: " + error.message; return; }
    if (/^\\s*subscription\\b/.test(payload.query)) return watch(payload);
    fetch(location.href, {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(payload)})
      .then(function (response) { return response.text(); })
      .then(function (text) {
        try { text = JSON.stringify(JSON.parse(text), null, 2); } catch (_) { /* shown as it is */ }
        get("answer").textContent = text;
      })
      .catch(function (error) { get("answer").textContent = String(error); });
  };
  get("run").onclick = run;
  get("stop").onclick = stop;
  document.addEventListener("keydown", function (event) { if (event.ctrlKey && event.key === "Enter") run(); });
};
window.addEventListener("load", take);
setTimeout(take, 5000);
})();
</script>
"""


def offline(page: str) -> str:
    """The page with the console that takes over where GraphiQL did not load, or not within five seconds.

    It stands first: a script of the CDN that hangs behind a firewall would hold up all that comes after it.
    """
    return page.replace("<head>", f"<head>{FALLBACK}", 1)
