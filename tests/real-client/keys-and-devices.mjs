// The published client library makes keys, and reads what the registry makes of them: registration, pre-keys up and down, a first
// message, a linked device. The wire is plain REST here; the library's own way to a registry is its websocket.
//
//   node keys-and-devices.mjs BINARY

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { IdentityKeyPair } from '@signalapp/libsignal-client';
import { Device, kemPreKey, preKey, signedPreKey } from './client.mjs';
import { Registry, base64 } from './registry.mjs';

const NUMBER = '+12025550123';
const KEYS = 100;

const registry = await Registry.start(process.argv[2]);
const ask = (...request) => registry.ask(...request);
const expect = async (status, ...request) => {
  const answer = await ask(...request);
  assert.equal(answer.status, status, request.slice(0, 2).join(' '));
  return answer.json;
};

const identities = { aci: IdentityKeyPair.generate(), pni: IdentityKeyPair.generate() };
const accessKey = randomBytes(16);
const mine = {
  signed: signedPreKey(identities.aci, 1),
  lastResort: kemPreKey(identities.aci, 2),
  oneTime: Array.from({ length: KEYS }, (_, n) => preKey(n + 10)),
  kem: Array.from({ length: KEYS }, (_, n) => kemPreKey(identities.aci, n + 500)),
};
let aci, primary, linked;

const deviceKeys = (aciSigned, aciLastResort) => ({
  aciSignedPreKey: aciSigned.json,
  aciPqLastResortPreKey: aciLastResort.json,
  pniSignedPreKey: signedPreKey(identities.pni, 1).json,
  pniPqLastResortPreKey: kemPreKey(identities.pni, 2).json,
});

const somebodyElse = () => new Device('a1a1a1a1-0000-4000-8000-000000000000', 1, IdentityKeyPair.generate(), 5);
const fetchKeys = () =>
  expect(200, 'GET', `/v2/keys/${aci}/1`, { headers: { 'unidentified-access-key': base64(accessKey) } });

const steps = {
  async registers() {
    const { id } = await expect(200, 'POST', '/v1/verification/session', { body: { number: NUMBER } });
    await expect(200, 'POST', `/v1/verification/session/${id}/code`, { body: { transport: 'sms', client: 'test' } });
    await expect(200, 'PUT', `/v1/verification/session/${id}/code`, { body: { code: await registry.code(NUMBER) } });
    const body = {
      sessionId: id,
      skipDeviceTransfer: true,
      accountAttributes: {
        fetchesMessages: true, registrationId: 77, pniRegistrationId: 78, capabilities: { spqr: true },
        unidentifiedAccessKey: [...accessKey],
      },
      aciIdentityKey: base64(identities.aci.publicKey.serialize()),
      pniIdentityKey: base64(identities.pni.publicKey.serialize()),
      ...deviceKeys(mine.signed, mine.lastResort),
    };
    ({ uuid: aci } = await expect(201, 'POST', '/v1/registration', { body, as: `${NUMBER}:first password` }));
    primary = `${aci}.1:first password`;
  },

  async its_signatures_are_verified() {
    const wrong = { ...mine.kem[0].json, signature: mine.kem[1].json.signature };
    await expect(422, 'PUT', '/v2/keys', { as: primary, body: { pqPreKeys: [wrong] } });
    const body = { preKeys: mine.oneTime.map(({ json }) => json), pqPreKeys: mine.kem.map(({ json }) => json) };
    await expect(204, 'PUT', '/v2/keys', { as: primary, body });
    assert.deepEqual(await expect(200, 'GET', '/v2/keys', { as: primary }), { count: KEYS, pqCount: KEYS });
  },

  async a_stranger_writes_first_and_is_understood() {
    const me = new Device(aci, 1, identities.aci, 77);
    await me.keep({ signed: mine.signed, kem: [...mine.kem, mine.lastResort], oneTime: mine.oneTime });
    for (const [n, text] of ['hello', 'hello again'].entries()) {
      const bundle = await fetchKeys();
      assert.equal(bundle.devices[0].preKey.keyId, 10 + n, 'the lowest first');
      const stranger = somebodyElse();
      assert.equal(await me.read(stranger.address, await stranger.write(me.address, bundle, text)), text);
    }
  },

  async without_one_time_keys_too() {
    for (let left = KEYS - 2; left > 0; left--) await fetchKeys();
    const bundle = await fetchKeys();
    assert.deepEqual([bundle.devices[0].preKey, bundle.devices[0].pqPreKey.keyId], [null, 2]);
    const [me, stranger] = [new Device(aci, 1, identities.aci, 77), somebodyElse()];
    await me.keep({ signed: mine.signed, kem: [mine.lastResort] });
    assert.equal(await me.read(stranger.address, await stranger.write(me.address, bundle, 'late')), 'late');
  },

  async a_second_device_is_linked() {
    const code = await expect(200, 'GET', '/v1/devices/provisioning/code', { as: primary });
    const path = `/v1/devices/wait_for_linked_device/${code.tokenIdentifier}`;
    const waiting = expect(200, 'GET', `${path}?timeout=30`, { as: primary });
    const body = {
      verificationCode: code.verificationCode,
      accountAttributes: { fetchesMessages: true, registrationId: 99, pniRegistrationId: 98, capabilities: { spqr: true } },
      ...deviceKeys(signedPreKey(identities.aci, 1), kemPreKey(identities.aci, 2)),
    };
    const { deviceId } = await expect(200, 'PUT', '/v1/devices/link', { body, as: 'anybody:second password' });
    assert.equal((await waiting).id, deviceId);
    linked = `${aci}.${deviceId}:second password`;
  },

  async it_reads_when_devices_were_made() {
    const { devices } = await expect(200, 'GET', '/v1/devices', { as: linked });
    assert.equal(devices.length, 2);
    for (const { id, registrationId, createdAtCiphertext } of devices) {
      const bound = Buffer.alloc(5);
      bound.writeUInt8(id);
      bound.writeUInt32BE(registrationId, 1);
      const sealed = Buffer.from(createdAtCiphertext, 'base64');
      const time = Buffer.from(identities.aci.privateKey.open(sealed, 'deviceCreatedAt', bound)).readBigUInt64BE();
      assert.ok(Math.abs(Date.now() - Number(time)) < 600_000);
    }
  },

  async it_is_unlinked() {
    await expect(204, 'DELETE', '/v1/devices/2', { as: primary });
    await expect(401, 'GET', '/v1/accounts/whoami', { as: linked });
  },
};

// Said as cargo says it, so that one summary counts all.
let passed = 0;
try {
  for (const [name, step] of Object.entries(steps)) {
    await step();
    console.log(`test real_client::${name} ... ok`);
    passed += 1;
  }
} catch (error) {
  console.log(`test real_client::${Object.keys(steps)[passed]} ... FAILED`);
  console.error(error);
  process.exitCode = 1;
}
const failed = process.exitCode ? 1 : 0;
console.log(`test result: ${failed ? 'FAILED' : 'ok'}. ${passed} passed; ${failed} failed; 0 ignored`);
await registry.stop();
