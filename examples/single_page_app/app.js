// A single-page app on another site than Latchkey. It keeps its token in memory only, so nothing that
// another page can read stays in the browser.

const API = `${document.querySelector('meta[name=latchkey]').content}/api/v1`;
const POLL = 2000; // milliseconds
const parts = ['sign-in', 'second-step', 'waiting', 'home'].map((id) => document.getElementById(id));
const [signIn, secondStep, waiting, home] = parts;
const message = document.getElementById('message');
const mailState = document.getElementById('mail-state');

let token = null;
let ticket = null;
let timer = null;

class Problem extends Error {
  constructor(details) {
    const errors = (details.errors ?? []).map((error) => error.detail);
    super(errors.join(' ') || details.detail);
    this.code = details.code;
  }
}

async function call(method, path, body) {
  const headers = { 'Content-Type': 'application/json' };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (method === 'POST') headers['Idempotency-Key'] = crypto.randomUUID();
  const answer = await fetch(API + path, {
    method, headers, body: body && JSON.stringify(body), credentials: 'omit',
  });
  const text = await answer.text();
  const content = text ? JSON.parse(text) : {};
  if (!answer.ok) throw new Problem(content);
  return content;
}

function show(part) {
  message.hidden = true;
  for (const other of parts) other.hidden = other !== part;
  part.querySelector('input, button').focus();
}

function say(text) {
  message.textContent = text;
  message.hidden = false;
}

async function started(answer) {
  token = answer.token;
  await look(answer.account);
}

async function look(account) {
  clearTimeout(timer);
  if (account.confirmed) {
    document.getElementById('who').textContent = account.email;
    show(home);
  } else {
    show(waiting);
    await poll(account.email);
  }
}

const MAIL = {
  queued: 'A mail is on its way to',
  sent: 'We have sent a mail to',
  failed: 'The mail could not be delivered to',
};

// The person may also open the link of the mail, here or on another device.
async function poll(email) {
  const state = await call('GET', '/confirmation');
  if (state.confirmed) {
    await look(await call('GET', '/account'));
    return;
  }
  mailState.textContent = `${MAIL[state.mail]} ${email}.`;
  timer = setTimeout(() => poll(email).catch(report), POLL);
}

function report(error) {
  if (error.code === 'authentication_required') {
    token = null;
    clearTimeout(timer);
    show(signIn);
  }
  say(error.message);
}

function onSubmit(form, act) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const fields = Object.fromEntries(new FormData(form));
    const buttons = form.querySelectorAll('button');
    for (const button of buttons) button.disabled = true;
    try {
      await act(fields, event.submitter?.value);
    } catch (error) {
      report(error);
    } finally {
      for (const button of buttons) button.disabled = false;
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
    await started(answer);
  }
});

onSubmit(secondStep, async ({ code }) => {
  const answer = await call('POST', '/session/second-factor', { ticket, code });
  secondStep.reset();
  await started(answer);
});

onSubmit(waiting, async ({ code }, action) => {
  if (action === 'resend') {
    await call('POST', '/confirmation/mail');
    say('A new mail is on its way. Earlier codes no longer work.');
    return;
  }
  const { account } = await call('POST', '/confirmation', { code });
  waiting.reset();
  await look(account);
});

document.getElementById('sign-out').addEventListener('click', async () => {
  await call('DELETE', '/session').catch(report);
  token = null;
  show(signIn);
});

show(signIn);
