// Signs in with a passkey: by the button, and from the list of the address field ("conditional UI").
// The answer of the browser goes into a form field, and the server's answer is a page like any other.

const form = document.querySelector('[data-passkey-get]');

// The server accepts only the newest challenge of this browser, for five minutes.
const RENEW_AFTER = 4 * 60_000;
const tabs = new BroadcastChannel('passkeys');

let waiting; // aborts the request that the browser has at the moment
let renewal;
let outdated = true; // another tab has a newer challenge, or the time is over

export const decoded = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (char) => char.charCodeAt(0));

export const encoded = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace(/=+$/, '');

async function options() {
  const answer = await fetch(form.dataset.passkeyGet);
  if (!answer.ok) throw new Error(`options: ${answer.status}`);
  outdated = false;
  tabs.postMessage('challenge');
  const { challenge, allowCredentials, ...others } = await answer.json();
  const allowed = allowCredentials.map((allow) => ({ ...allow, id: decoded(allow.id) }));
  return { ...others, challenge: decoded(challenge), allowCredentials: allowed };
}

/** The answer as JSON. Not `toJSON`, which some password managers lack. */
function asJson({ id, rawId, type, authenticatorAttachment, response }) {
  const { clientDataJSON, authenticatorData, signature, userHandle } = response;
  return JSON.stringify({
    id,
    rawId: encoded(rawId),
    type,
    authenticatorAttachment,
    clientExtensionResults: {},
    response: {
      clientDataJSON: encoded(clientDataJSON),
      authenticatorData: encoded(authenticatorData),
      signature: encoded(signature),
      ...(userHandle && { userHandle: encoded(userHandle) }),
    },
  });
}

async function use(mediation) {
  waiting?.abort(); // a browser answers one request at a time
  const { signal } = (waiting = new AbortController());
  const publicKey = await options();
  if (signal.aborted) return;
  const credential = await navigator.credentials.get({ publicKey, mediation, signal });
  send(credential);
}

function send(credential) {
  const { elements } = form;
  elements.credential.value = asJson(credential);
  if (elements.remember) {
    const kept = document.querySelector('input[type=checkbox][name=remember]');
    elements.remember.value = kept?.checked ? 'y' : '';
  }
  form.requestSubmit();
}

function button() {
  const pressed = form.querySelector('button');
  const problem = form.querySelector('[role=status]');
  form.hidden = false;
  pressed.addEventListener('click', async () => {
    problem.textContent = '';
    pressed.disabled = true;
    try {
      await use('optional');
    } catch {
      // Browsers do not say whether the person cancelled or has no passkey.
      problem.textContent = 'No passkey was used. Try again, or sign in another way.';
      pressed.disabled = false;
      renew();
    }
  });
}

/** Lets the browser offer passkeys in the address field. Asks for a new challenge only if it must:
    a password manager that has the screen for a moment must not lose its request. */
async function offerQuietly() {
  if (!('passkeyConditional' in form.dataset) || !outdated || document.hidden) return;
  if (form.querySelector('button').disabled) return; // the person uses a passkey right now
  if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  clearTimeout(renewal);
  renewal = setTimeout(renew, RENEW_AFTER);
  // Nothing was asked of the person, so nothing is said when it ends without a passkey.
  await use('conditional').catch(() => {});
}

function renew() {
  outdated = true;
  offerQuietly();
}

if (form && 'PublicKeyCredential' in window) {
  button();
  offerQuietly();
  document.addEventListener('visibilitychange', offerQuietly);
  tabs.addEventListener('message', () => (outdated = true));
  // A late answer with the cookie of before would sign the browser out again.
  document.addEventListener('submit', () => clearTimeout(renewal));
  window.addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return;
    form.querySelector('button').disabled = false;
    renew();
  });
}
