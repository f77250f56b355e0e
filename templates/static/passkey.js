// Fills a passkey form with the browser's answer and sends it. Without this the page says that passkeys are not available.
const decode = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const encode = (buffer) => buffer && btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

// What parseCreationOptionsFromJSON and parseRequestOptionsFromJSON do, for browsers that have neither.
function read(json) {
  const o = { ...json, challenge: decode(json.challenge) };
  if (json.user) o.user = { ...json.user, id: decode(json.user.id) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    if (json[list]) o[list] = json[list].map((c) => ({ ...c, id: decode(c.id) }));
  }
  return o;
}

// What PublicKeyCredential.toJSON does.
function write(c) {
  const r = c.response;
  const response = { clientDataJSON: encode(r.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (r[name]) response[name] = encode(r[name]);
  }
  if (r.getTransports) response.transports = r.getTransports();
  return { id: c.id, rawId: encode(c.rawId), type: c.type, authenticatorAttachment: c.authenticatorAttachment ?? undefined, clientExtensionResults: c.getClientExtensionResults(), response };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential || !navigator.credentials) continue;
  form.querySelector("[data-without]").hidden = true;
  form.querySelector("[data-with]").hidden = false;
  const failed = form.querySelector("[data-failed]");
  const publicKey = () => read(JSON.parse(form.dataset.options));
  const send = (answer) => {
    form.elements.answer.value = JSON.stringify(write(answer));
    form.submit();
  };
  // The address field's own suggestions offer the passkey until the button is pressed: a browser asks once at a time.
  const suggesting = new AbortController();
  if ("conditional" in form.dataset && (await PublicKeyCredential.isConditionalMediationAvailable?.())) {
    navigator.credentials.get({ publicKey: publicKey(), mediation: "conditional", signal: suggesting.signal }).then(send, () => {});
  }
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    suggesting.abort();
    failed.hidden = true;
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      send(await navigator.credentials[form.dataset.passkey]({ publicKey: publicKey() }));
    } catch {
      failed.hidden = false;
      button.disabled = false;
    }
  });
}
