// A registry as a process of its own, and plain HTTP to it.

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const base64 = (bytes) => Buffer.from(bytes).toString('base64');

export class Registry {
  /** Starts the binary on free ports, with data that is thrown away; `config` is TOML. */
  static async start(binary, config = '') {
    const data = mkdtempSync(join(tmpdir(), 'signet-real-client-'));
    const file = join(data, 'signet.toml');
    writeFileSync(file, `${config}\n[log]\nfilter = "warn"\n[server]\ntls = "127.0.0.1:0"\n`);
    const flags = ['--config', file, '--http', '127.0.0.1:0', '--management', '127.0.0.1:0', '--data', data];
    const child = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    const registry = Object.assign(new Registry(), { child, data });
    for await (const line of createInterface({ input: child.stdout })) {
      const [, what, url] = line.match(/^ +([a-z]+) +(https?:\/\/[a-z0-9.]+:[0-9]+)/) ?? [];
      if (what === 'clients') registry.clients = url;
      if (what === 'management') registry.management = url;
      if (url?.startsWith('https:')) registry.tlsPort = Number(new URL(url).port);
      // The last line says what to try next.
      if (line.includes(' demo --url ')) return registry;
    }
    throw new Error('the registry did not say where it listens');
  }

  /** The one certificate that a client of its own is to trust, as DER. */
  get root() {
    return readFileSync(join(this.data, 'tls', 'root.der'));
  }

  stop() {
    this.child.kill('SIGTERM');
    return new Promise((done) => this.child.once('exit', () => done(rmSync(this.data, { recursive: true }))));
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
