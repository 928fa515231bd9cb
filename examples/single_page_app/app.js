// A single-page app on another site than Latchkey. It keeps its token in memory only, so nothing that
// another page can read stays in the browser.

const API = `${document.querySelector('meta[name=latchkey]').content}/api/v1`;
const POLL = 2000; // milliseconds
const OFFLINE = 'There is no connection. Try again in a moment.';
const parts = ['sign-in', 'second-step', 'waiting', 'home'].map((id) => document.getElementById(id));
const [signIn, secondStep, waiting, home] = parts;
const message = document.getElementById('message');
const mailState = document.getElementById('mail-state');

let token = null;
let ticket = null;
let timer = null;

class Problem extends Error {
  constructor(details, wait) {
    const errors = (details.errors ?? []).map((error) => error.detail);
    const later = details.status === 429 && wait ? ` You can try again in ${wait} seconds.` : '';
    super((errors.join(' ') || details.detail) + later);
    this.code = details.code;
  }
}

async function call(method, path, body) {
  const headers = {};
  if (body) headers['Content-Type'] = 'application/json';
  if (token) headers.Authorization = `Bearer ${token}`;
  if (method === 'POST') headers['Idempotency-Key'] = crypto.randomUUID();
  const answer = await send(API + path, {
    method, headers, body: body && JSON.stringify(body), credentials: 'omit',
  });
  const text = await answer.text();
  const content = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Problem(content, answer.headers.get('Retry-After'));
  return content;
}

// Repeats a request whose answer was lost, or that Latchkey could not do now. The Idempotency-Key stays
// the same, so nothing happens twice.
async function send(url, request, triesLeft = 2) {
  let wait = 1;
  try {
    const answer = await fetch(url, request);
    if (answer.status !== 503 || !triesLeft) return answer;
    wait = Number(answer.headers.get('Retry-After')) || 1;
  } catch {
    if (!triesLeft) throw new Error(OFFLINE);
  }
  await new Promise((resolve) => setTimeout(resolve, wait * 1000));
  return send(url, request, triesLeft - 1);
}

function show(part) {
  message.hidden = true;
  for (const other of parts) other.hidden = other !== part;
  part.querySelector('input, button').focus();
}

// Screen readers read a text again whenever it is set, so nothing is set twice.
function say(text, isNews = false) {
  if (!message.hidden && message.textContent === text) return;
  message.textContent = text;
  message.classList.toggle('news', isNews);
  message.hidden = false;
}

function leave() {
  token = null;
  clearTimeout(timer);
  show(signIn);
}

function started(answer) {
  token = answer.token;
  look(answer.account);
}

function look(account) {
  clearTimeout(timer);
  if (account.confirmed) {
    document.getElementById('who').textContent = account.email;
    show(home);
  } else {
    mailState.textContent = '';
    show(waiting);
    poll(account);
  }
}

const MAIL = {
  queued: 'A mail is on its way to',
  sent: 'We have sent a mail to',
  failed: 'The mail could not be delivered to',
};

// The person may also open the link of the mail, here or on another device.
async function poll(account) {
  const asked = token;
  const isStale = () => token !== asked || waiting.hidden;
  try {
    const state = await call('GET', '/confirmation');
    if (isStale()) return;
    if (state.confirmed) {
      look({ ...account, confirmed: true });
      return;
    }
    if (message.textContent === OFFLINE) message.hidden = true;
    const text = `${MAIL[state.mail]} ${account.email}.`;
    if (mailState.textContent !== text) mailState.textContent = text;
  } catch (error) {
    if (isStale()) return;
    report(error);
  }
  if (!isStale()) timer = setTimeout(poll, POLL, account);
}

function report(error) {
  if (error.code === 'authentication_required' || error.code === 'ticket_invalid') leave();
  say(error.message);
}

function onSubmit(form, act) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (form.ariaBusy) return; // a second click; a button that is disabled would lose the focus
    form.ariaBusy = 'true';
    message.hidden = true;
    try {
      await act(Object.fromEntries(new FormData(form)), event.submitter?.value);
    } catch (error) {
      report(error);
    } finally {
      form.ariaBusy = null;
    }
  });
}

onSubmit(signIn, async ({ email, password }, action) => {
  const body = { email, password, device: 'Notes in a browser' };
  const answer = await call('POST', action === 'sign-up' ? '/accounts' : '/session', body);
  signIn.reset();
  if (answer.ticket) {
    ticket = answer.ticket;
    show(secondStep);
  } else {
    started(answer);
  }
});

onSubmit(secondStep, async ({ code }) => {
  const answer = await call('POST', '/session/second-factor', { ticket, code });
  secondStep.reset();
  started(answer);
});

onSubmit(waiting, async ({ code }, action) => {
  if (action === 'resend') {
    await call('POST', '/confirmation/mail');
    say('A new mail is on its way. Earlier codes no longer work.', true);
  } else if (action === 'start-over') {
    await call('POST', '/confirmation/start-over');
    leave();
  } else {
    const { account } = await call('POST', '/confirmation', { code });
    look(account);
  }
  waiting.reset();
});

onSubmit(home, async () => {
  await call('DELETE', '/session');
  leave();
});

show(signIn);
