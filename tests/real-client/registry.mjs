// A registry as a process of its own, and plain HTTP to it.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const portOf = (url) => Number(new URL(url).port);

export const base64 = (bytes) => Buffer.from(bytes).toString('base64');

export class Registry {
  /** Starts the binary on free ports, with data that is thrown away; `config` is TOML. */
  static async start(binary, config = '') {
    const data = mkdtempSync(join(tmpdir(), 'signet-real-client-'));
    const registry = Object.assign(new Registry(), { binary, data });
    registry.configure(config);
    await registry.begin({ http: 0, management: 0, tls: 0 });
    return registry;
  }

  /** Writes the configuration; a registry that runs has to be told to read it. */
  configure(config) {
    writeFileSync(join(this.data, 'signet.toml'), `${config}\n[log]\nfilter = "warn"\n`);
  }

  /** Has it read its configuration again: limits are in force at once. */
  async reload(config) {
    this.configure(config);
    const answer = await fetch(`${this.management}/reload`, { method: 'POST' });
    if (answer.status !== 200) throw new Error(`not reloaded: ${await answer.text()}`);
  }

  async begin({ http, management, tls }) {
    const at = (port) => `127.0.0.1:${port}`;
    const ports = ['--http', at(http), '--management', at(management), '--set', `server.tls=${at(tls)}`];
    const flags = ['--config', join(this.data, 'signet.toml'), '--data', this.data, ...ports];
    const child = spawn(this.binary, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    // Whatever ends the tests does not leave it behind.
    process.once('exit', () => child.kill('SIGKILL'));
    for await (const line of createInterface({ input: this.child.stdout })) {
      const [, what, url] = line.match(/^ +([a-z]+) +(https?:\/\/[a-z0-9.]+:[0-9]+)/) ?? [];
      if (what === 'clients') this.clients = url;
      if (what === 'management') this.management = url;
      if (url?.startsWith('https:')) this.tlsPort = portOf(url);
      // The last line says what to try next.
      if (line.includes(' demo --url ')) return;
    }
    throw new Error('the registry did not say where it listens');
  }

  /** Stops it and starts it anew, on the same data and the same ports. */
  async restart() {
    const ports = { http: portOf(this.clients), management: portOf(this.management), tls: this.tlsPort };
    await this.end();
    await this.begin(ports);
  }

  end() {
    this.child.kill('SIGTERM');
    return new Promise((done) => this.child.once('exit', done));
  }

  async stop() {
    await this.end();
    rmSync(this.data, { recursive: true });
  }

  /** The one certificate that a client of its own is to trust, as DER. */
  get root() {
    return readFileSync(join(this.data, 'tls', 'root.der'));
  }

  /** Status and JSON of a request; `as` is `user:password`. */
  async ask(method, path, { body, as, headers = {} } = {}) {
    const fields = { 'content-type': 'application/json', ...headers };
    if (as) fields.authorization = `Basic ${base64(as)}`;
    const answer = await fetch(this.clients + path, { method, headers: fields, body: body && JSON.stringify(body) });
    const text = await answer.text();
    return { status: answer.status, json: text ? JSON.parse(text) : null };
  }

  /** What was sent to a number last. */
  async letter(number) {
    return (await fetch(`${this.management}/outbox/${number}`)).json();
  }

  async code(number) {
    return (await this.letter(number)).code;
  }
}
