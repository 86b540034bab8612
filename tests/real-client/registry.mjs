// A registry as a process of its own, and plain HTTP to it.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const base64 = (bytes) => Buffer.from(bytes).toString('base64');

export class Registry {
  /** Starts the binary on free ports, with data that is thrown away. */
  static async start(binary) {
    const data = mkdtempSync(join(tmpdir(), 'signet-real-client-'));
    const flags = ['--http', '127.0.0.1:0', '--management', '127.0.0.1:0', '--data', data, '--set', 'log.filter=warn'];
    const child = spawn(binary, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    const registry = Object.assign(new Registry(), { child, data });
    for await (const line of createInterface({ input: child.stdout })) {
      const url = line.match(/http:\/\/[0-9.:]+/)?.[0];
      if (line.includes('clients') && url) registry.clients = url;
      if (line.includes('management') && url) registry.management = url;
      if (registry.clients && registry.management) return registry;
    }
    throw new Error('the registry did not say where it listens');
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

  /** The code that was sent to a number last. */
  async code(number) {
    return (await (await fetch(`${this.management}/outbox/${number}`)).json()).code;
  }
}
