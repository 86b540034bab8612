// The published client library makes keys, and reads what the registry makes of them: registration, pre-keys up and down, a first
// message, a linked device. The wire is plain REST here; the library's own way to a registry is in over-sockets.mjs.
//
//   node keys-and-devices.mjs BINARY

import assert from 'node:assert/strict';
import { IdentityKeyPair } from '@signalapp/libsignal-client';
import { Device, bundle } from './client.mjs';
import { Person } from './person.mjs';
import { Registry, base64 } from './registry.mjs';
import { Report } from './report.mjs';

const KEYS = 100;

const registry = await Registry.start(process.argv[2]);
const ask = (...request) => registry.ask(...request);
const expect = async (status, ...request) => {
  const answer = await ask(...request);
  assert.equal(answer.status, status, request.slice(0, 2).join(' '));
  return answer.json;
};

const me = new Person('+12025550123');
const oneTime = me.oneTimeKeys(KEYS);
let primary, linked;

const attributesOf = ({ registrationIds }) => ({
  fetchesMessages: true, registrationId: registrationIds.aci, pniRegistrationId: registrationIds.pni,
  capabilities: { spqr: true },
});

const somebodyElse = () => new Device('a1a1a1a1-0000-4000-8000-000000000000', 1, IdentityKeyPair.generate(), 5);
const fetchKeys = () =>
  expect(200, 'GET', `/v2/keys/${me.aci}/1`, { headers: { 'unidentified-access-key': base64(me.accessKey) } });

const steps = {
  async registers() {
    const { number } = me;
    const { id } = await expect(200, 'POST', '/v1/verification/session', { body: { number } });
    await expect(200, 'POST', `/v1/verification/session/${id}/code`, { body: { transport: 'sms', client: 'test' } });
    await expect(200, 'PUT', `/v1/verification/session/${id}/code`, { body: { code: await registry.code(number) } });
    const body = {
      sessionId: id,
      skipDeviceTransfer: true,
      accountAttributes: { ...attributesOf(me), unidentifiedAccessKey: [...me.accessKey] },
      aciIdentityKey: base64(me.identities.aci.publicKey.serialize()),
      pniIdentityKey: base64(me.identities.pni.publicKey.serialize()),
      ...me.keysAsJson,
    };
    ({ uuid: me.aci } = await expect(201, 'POST', '/v1/registration', { body, as: `${number}:${me.password}` }));
    primary = `${me.login}:${me.password}`;
  },

  async its_signatures_are_verified() {
    const [first, second] = oneTime.json.pqPreKeys;
    const wrong = { ...first, signature: second.signature };
    await expect(422, 'PUT', '/v2/keys', { as: primary, body: { pqPreKeys: [wrong] } });
    await expect(204, 'PUT', '/v2/keys', { as: primary, body: oneTime.json });
    assert.deepEqual(await expect(200, 'GET', '/v2/keys', { as: primary }), { count: KEYS, pqCount: KEYS });
  },

  async a_stranger_writes_first_and_is_understood() {
    const device = await me.device(me.aci, 1, oneTime);
    for (const [n, text] of ['hello', 'hello again'].entries()) {
      const given = await fetchKeys();
      assert.equal(given.devices[0].preKey.keyId, 10 + n, 'the lowest first');
      const stranger = somebodyElse();
      assert.equal(await device.read(stranger.address, await stranger.write(device.address, bundle(given), text)), text);
    }
  },

  async without_one_time_keys_too() {
    for (let left = KEYS - 2; left > 0; left--) await fetchKeys();
    const given = await fetchKeys();
    assert.deepEqual([given.devices[0].preKey, given.devices[0].pqPreKey.keyId], [null, me.lastResort.aci.id()]);
    const [device, stranger] = [await me.device(me.aci, 1), somebodyElse()];
    assert.equal(await device.read(stranger.address, await stranger.write(device.address, bundle(given), 'late')), 'late');
  },

  async a_second_device_is_linked() {
    const further = me.further();
    const code = await expect(200, 'GET', '/v1/devices/provisioning/code', { as: primary });
    const path = `/v1/devices/wait_for_linked_device/${code.tokenIdentifier}`;
    const waiting = expect(200, 'GET', `${path}?timeout=30`, { as: primary });
    const body = {
      verificationCode: code.verificationCode, accountAttributes: attributesOf(further), ...further.keysAsJson,
    };
    const { deviceId } = await expect(200, 'PUT', '/v1/devices/link', { body, as: `anybody:${further.password}` });
    assert.equal((await waiting).id, deviceId);
    linked = `${me.aci}.${deviceId}:${further.password}`;
  },

  async it_reads_when_devices_were_made() {
    const { devices } = await expect(200, 'GET', '/v1/devices', { as: linked });
    assert.equal(devices.length, 2);
    for (const device of devices) assert.ok(Math.abs(Date.now() - me.madeAt(device)) < 600_000);
  },

  async it_is_unlinked() {
    await expect(204, 'DELETE', '/v1/devices/2', { as: primary });
    await expect(401, 'GET', '/v1/accounts/whoami', { as: linked });
  },
};

const report = new Report();
for (const [name, step] of Object.entries(steps)) await report.step(`rest::${name}`, step);
await registry.stop();
report.end();
