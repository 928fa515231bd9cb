// Creates passkeys: by the button on the page about security, and quietly after a sign-in where the
// browser can. Also shows the offer on the home page, and tells the browser which passkeys are valid.

const knowsPasskeys = 'PublicKeyCredential' in window && 'parseCreationOptionsFromJSON' in PublicKeyCredential;

/** The new passkey as JSON; null when the server wants a proof of identity first. */
async function create(optionsUrl, mediation) {
  const answer = await fetch(optionsUrl, { headers: { Accept: 'application/json' } });
  if (!answer.ok || answer.redirected) return null;
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await answer.json());
  const credential = await navigator.credentials.create(mediation ? { publicKey, mediation } : { publicKey });
  return JSON.stringify(credential);
}

const REFUSALS = {
  InvalidStateError: 'This device has a passkey of your account already.',
  NotAllowedError: 'No passkey was created. You can try again.',
};

function addingForm() {
  const form = document.querySelector('[data-passkey-create]');
  if (!form) return;
  form.hidden = false;
  const problem = form.querySelector('[data-passkey-problem]');
  const button = form.querySelector('button[type=submit]');
  let busy = false;
  // The listener of latchkey.js, which disables buttons, ignores a form whose default is prevented.
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    problem.hidden = true;
    button.setAttribute('aria-busy', 'true');
    try {
      // Without a passkey the server answers with the form for the proof, and keeps the name.
      form.elements.credential.value = (await create(form.dataset.passkeyCreate)) ?? '';
      form.submit();
    } catch (error) {
      problem.textContent = REFUSALS[error.name] ?? 'This browser could not create a passkey.';
      problem.hidden = false;
    } finally {
      button.removeAttribute('aria-busy');
      busy = false;
    }
  });
}

function showPossible() {
  for (const part of document.querySelectorAll('[data-passkey-none]')) part.hidden = true;
  for (const part of document.querySelectorAll('[data-passkey-possible]')) part.hidden = false;
}

/** Tells the browser and its password manager which passkeys still work. */
function signalAccepted() {
  const place = document.querySelector('[data-passkeys-accepted]');
  if (!place || !PublicKeyCredential.signalAllAcceptedCredentials) return;
  PublicKeyCredential.signalAllAcceptedCredentials(JSON.parse(place.dataset.passkeysAccepted)).catch(() => {});
}

async function canCreateHere() {
  return PublicKeyCredential.isUserVerifyingPlatformAuthenticatorAvailable().catch(() => false);
}

async function createQuietly(offer) {
  const { quietly, create: url, csrf } = offer.dataset;
  // Once in each tab: the browser has refused or the person has declined.
  if (!quietly || sessionStorage.getItem('passkey-tried')) return false;
  const can = await PublicKeyCredential.getClientCapabilities?.();
  if (!can?.conditionalCreate) return false;
  sessionStorage.setItem('passkey-tried', 'yes');
  const credential = await create(quietly, 'conditional');
  if (!credential) return false;
  const body = new URLSearchParams({ csrf_token: csrf, credential, name: '' });
  // The next page that the person opens says that it was added.
  const answer = await fetch(url, { method: 'POST', body, redirect: 'manual' });
  return answer.type === 'opaqueredirect';
}

async function offerOnce() {
  const offer = document.querySelector('[data-passkey-offer]');
  if (!offer) return;
  if (await createQuietly(offer).catch(() => false)) return;
  offer.hidden = !(await canCreateHere());
}

if (knowsPasskeys) {
  showPossible();
  addingForm();
  signalAccepted();
  offerOnce();
}
