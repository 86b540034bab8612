// The published client library lives on a registry as an app's does: over TLS, websockets, and gRPC where it asks for that.
//
//   node over-sockets.mjs BINARY [--http 1|2]

import { Report } from './report.mjs';
import { Registry } from './registry.mjs';
import { World } from './world.mjs';
import { account } from './steps/account.mjs';
import { STRICT, badCalls, badDays } from './steps/bad-days.mjs';
import { devices } from './steps/devices.mjs';
import { grpc } from './steps/grpc.mjs';
import { keys } from './steps/keys.mjs';
import { guesses, locks } from './steps/locks.mjs';
import { registering } from './steps/registering.mjs';
import { REFUSED, captchas, sessions } from './steps/sessions.mjs';
import { lookUps, sockets } from './steps/sockets.mjs';
import { names, namesByCalls } from './steps/usernames.mjs';

const [binary, option, chosen] = process.argv.slice(2);
const versions = option === '--http' ? [Number(chosen)] : [1, 2];

const refusals = Object.entries(REFUSED).map(([why, number]) => `"${number}" = "${why}"`);
const usual = await Registry.start(binary, `[verification]\nrefusals = { ${refusals.join(', ')} }`);
const strict = await Registry.start(binary, STRICT);

const report = new Report();
const play = async (registry, http, themes) => {
  const world = new World(registry, http);
  for (const [theme, steps] of Object.entries(themes)) {
    for (const [name, step] of Object.entries(steps)) {
      await report.step(`http${http}::${theme}::${name}`, () => step(world));
      await world.leave();
    }
  }
};

for (const http of versions) {
  await play(usual, http, { sessions, registering, locks, keys, devices, sockets, look_ups: lookUps, names });
  await play(strict, http, { captchas, guesses, bad_days: badDays });
  // Over HTTP/1.1 the library has no way to ask these.
  if (http === 2) {
    await play(usual, http, { grpc, account, names_by_calls: namesByCalls });
    await play(strict, http, { grpc_bad_days: badCalls });
  }
}
await Promise.all([usual.stop(), strict.stop()]);
report.end();
