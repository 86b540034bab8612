// The library at a registry, over one version of HTTP: its connections, and the short ways to a proven number and to an account.
// Steps share the registry and nothing else: each has people of its own.

import assert from 'node:assert/strict';
import { ErrorCode, Net } from '@signalapp/libsignal-client';
import { Person } from './person.mjs';
import { base64 } from './registry.mjs';
import { Skipped } from './report.mjs';

/** Numbers for fiction: +1 NXX 555 01xx. */
const AREAS = ['202', '212', '303', '312', '404', '415', '503', '512', '602', '617', '702', '713'];
let taken = 0;
const number = () => {
  const n = taken++;
  return `+1${AREAS[Math.floor(n / 100)]}55501${String(n % 100).padStart(2, '0')}`;
};

/** What a connection hears. */
export class Listener {
  interrupted = new Promise((said) => { this.onConnectionInterrupted = said; });
  queueEmpty = new Promise((said) => { this.onQueueEmpty = said; });
  alerts = new Promise((said) => { this.onReceivedAlerts = said; });
  onIncomingMessage = () => assert.fail('a registry has no messages');
}

/** The library tells the two kinds of listeners by what they listen to. */
const onlyEnd = ({ onConnectionInterrupted }) => ({ onConnectionInterrupted });

export class World {
  open = [];

  constructor(registry, http) {
    const unused = { TESTING_localServer_cdsiPort: 1, TESTING_localServer_svr2Port: 1, TESTING_localServer_svrBPort: 1 };
    Object.assign(this, { registry, http });
    this.net = new Net.Net({
      localTestServer: true, userAgent: 'signet-tests', ...unused,
      TESTING_localServer_chatPort: registry.tlsPort,
      TESTING_localServer_rootCertificateDer: registry.root,
      TESTING_localServer_httpVersion: http,
    });
  }

  person() {
    return new Person(number());
  }

  /** Older libraries cannot do all that newer ones can. */
  needs(thing, ...methods) {
    for (const method of methods) {
      if (typeof thing[method] !== 'function') throw new Skipped(`this version has no ${method}`);
    }
  }

  async session(e164) {
    return this.net.createRegistrationSession({ e164 });
  }

  /** A session that has proved the person's number. */
  async proved({ number }) {
    const session = await this.session(number);
    if (!session.sessionState.allowedToRequestCode) await session.submitCaptcha('noop.noop.registration.noop');
    await session.requestVerification({ transport: 'sms', client: 'test', languages: [] });
    assert.equal(await session.verifySession(await this.registry.code(number)), true);
    return session;
  }

  /** Registers, and remembers as whom. */
  async register(person, wishes) {
    const session = await this.proved(person);
    return this.registered(person, await session.registerAccount(person.registration(wishes)));
  }

  registered(person, answer) {
    Object.assign(person, { aci: answer.aci.getServiceIdString(), pni: answer.pni.getRawUuid(), answer });
    return person;
  }

  /** Somebody with an account. */
  async registeredPerson(wishes) {
    return this.register(this.person(), wishes);
  }

  /** Proves the number by the recovery password that is in the attributes. */
  async reregister(person, wishes) {
    const request = { e164: person.number, ...person.registration(wishes) };
    const { asyncContext, _connectionManager: connectionManager } = this.net;
    const answer = this.net.reregisterAccount
      ? await this.net.reregisterAccount(request)
      : await Net.RegistrationService.reregisterAccount({ tokioAsyncContext: asyncContext, connectionManager }, request);
    return this.registered(person, answer);
  }

  /** An authenticated connection; `listener` hears what happens to it. */
  async connect(login, password) {
    const listener = new Listener();
    const chat = await this.net.connectAuthenticatedChat(login, password, false, listener);
    this.open.push(chat);
    return Object.assign(chat, { listener });
  }

  connectAs({ login, password }) {
    return this.connect(login, password);
  }

  async anonymous(options) {
    const listener = new Listener();
    const chat = await this.net.connectUnauthenticatedChat(onlyEnd(listener), options);
    this.open.push(chat);
    return Object.assign(chat, { listener });
  }

  /** The end of a step: nobody of it stays connected. */
  async leave() {
    await Promise.all(this.open.splice(0).map((chat) => chat.disconnect().catch(() => {})));
  }
}

/** A plain request through a connection: status, JSON, header fields. */
export const ask = async (chat, verb, path, { body, headers = {}, as, timeoutMillis } = {}) => {
  const fields = { ...headers };
  if (body) fields['content-type'] = 'application/json';
  if (as) fields.authorization = `Basic ${base64(as)}`;
  const request = { verb, path, headers: Object.entries(fields), timeoutMillis };
  if (body) request.body = Buffer.from(JSON.stringify(body));
  const answer = await chat.fetch(request);
  const text = Buffer.from(answer.body ?? []).toString();
  return { status: answer.status, json: text ? JSON.parse(text) : null, headers: Object.fromEntries(answer.headers) };
};

export const expect = async (status, ...request) => {
  const answer = await ask(...request);
  assert.equal(answer.status, status, request.slice(1, 3).join(' '));
  return answer.json;
};

/** The error with which something fails. A version that has no name for it says `Generic`. */
export const fails = async (code, work) => {
  const error = await work.then(() => assert.fail(`no error, where there should be ${code}`), (error) => error);
  const known = ErrorCode[code] === undefined ? 'Generic' : code;
  const found = ErrorCode[error?.code] ?? String(error);
  if (found !== known) throw new Error(`${found}, where there should be ${known}`, { cause: error });
  return error;
};

/** A connection ended, and for this reason. */
export const ended = (code, { listener }) => fails(code, listener.interrupted.then((error) => Promise.reject(error)));

/** What ends the connection it is asked on is answered, or cut off by that. */
export const lastWords = (work) => work.catch((error) => {
  if (['ChatServiceInactive', 'ConnectionInvalidated'].includes(ErrorCode[error.code])) return null;
  throw error;
});
