// A further device: it shows an address, is told who its owner is, is let in, and is sent away again.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { Aci } from '@signalapp/libsignal-client';
import { ask, ended, expect, fails, lastWords } from '../world.mjs';

/** A provisioning connection, its address, and the envelope that will come; each thing is acknowledged as it comes. */
const newDevice = async (world) => {
  const heard = {};
  const promise = (name) => new Promise((said) => { heard[name] = said; });
  const told = { address: promise('address'), envelope: promise('envelope'), interrupted: promise('interrupted') };
  const say = (name) => (what, ack) => { ack.send(200); heard[name](what); };
  const chat = await world.net.connectProvisioning({
    onReceivedAddress: say('address'), onReceivedEnvelope: say('envelope'), onConnectionInterrupted: heard.interrupted,
  });
  world.open.push(chat);
  return { chat, address: await told.address, envelope: told.envelope, interrupted: told.interrupted };
};

const handOver = (chat, address, envelope) =>
  ask(chat, 'PUT', `/v1/provisioning/${encodeURIComponent(address)}`, { body: { body: envelope.toString('base64') } });

const attributesOf = ({ registrationIds }, capabilities) => ({
  fetchesMessages: true, registrationId: registrationIds.aci, pniRegistrationId: registrationIds.pni,
  name: Buffer.from('sealed').toString('base64'), capabilities,
});

const link = async (world, device, verificationCode, capabilities = { spqr: true }) =>
  ask(await world.anonymous(), 'PUT', '/v1/devices/link', {
    as: `anybody:${device.password}`,
    body: { verificationCode, accountAttributes: attributesOf(device, capabilities), ...device.keysAsJson },
  });

const linkCode = (chat) => expect(200, chat, 'GET', '/v1/devices/provisioning/code');

/** Somebody with a primary and one further device, both connected. */
export const withTwo = async (world) => {
  const person = await world.registeredPerson();
  const primary = await world.connectAs(person);
  const further = person.further();
  const { status, json } = await link(world, further, (await linkCode(primary)).verificationCode);
  assert.deepEqual([status, json.uuid, json.pni], [200, person.aci, person.pni]);
  const login = `${person.aci}.${json.deviceId}`;
  const linked = await world.connect(login, further.password);
  return { person, primary, further, linked, login, id: json.deviceId };
};

export const devices = {
  async an_envelope_reaches_the_one_that_shows_the_address(world) {
    const primary = await world.connectAs(await world.registeredPerson());
    const [one, other] = [await newDevice(world), await newDevice(world)];
    assert.notEqual(one.address, other.address);
    const envelope = randomBytes(3000);
    assert.equal((await handOver(primary, one.address, envelope)).status, 204);
    assert.deepEqual(Buffer.from(await one.envelope), envelope);
    await one.interrupted;
    assert.equal((await handOver(primary, one.address, envelope)).status, 404, 'the address is gone');

    const second = randomBytes(10);
    assert.equal((await handOver(primary, other.address, second)).status, 204, 'the other one still listens');
    assert.deepEqual(Buffer.from(await other.envelope), second);
  },

  async nobody_hears_at_an_address_that_is_none(world) {
    const primary = await world.connectAs(await world.registeredPerson());
    assert.equal((await handOver(primary, randomBytes(16).toString('base64url'), randomBytes(9))).status, 404);
    const left = await newDevice(world);
    await left.chat.disconnect();
    for (let tries = 0; tries < 50; tries++) {
      if ((await handOver(primary, left.address, randomBytes(9))).status === 404) return;
      await new Promise((done) => setTimeout(done, 20));
    }
    assert.fail('an address outlives its connection');
  },

  async a_second_device_is_linked_and_connects(world) {
    const { person, linked, further, id } = await withTwo(world);
    const me = await expect(200, linked, 'GET', '/v1/accounts/whoami');
    assert.deepEqual([me.uuid, me.number], [person.aci, person.number]);
    const anonymous = await world.anonymous();
    const request = { target: Aci.fromUuid(person.aci), device: 'all', auth: person };
    const { preKeyBundles } = await anonymous.getPreKeys(request);
    assert.deepEqual(preKeyBundles.map((given) => given.deviceId()), [1, id]);
    assert.deepEqual(preKeyBundles[1].registrationId(), further.registrationIds.aci);
  },

  async the_primary_waits_until_the_device_is_there(world) {
    const person = await world.registeredPerson();
    const primary = await world.connectAs(person);
    const { verificationCode, tokenIdentifier } = await linkCode(primary);
    const path = `/v1/devices/wait_for_linked_device/${tokenIdentifier}?timeout=10`;
    const waiting = expect(200, primary, 'GET', path, { timeoutMillis: 12_000 });
    await expect(200, primary, 'GET', '/v1/accounts/whoami');
    const { json } = await link(world, person.further(), verificationCode);
    assert.equal((await waiting).id, json.deviceId);
  },

  async a_token_lets_one_device_in(world) {
    const { person, primary, linked } = await withTwo(world);
    const { verificationCode } = await linkCode(primary);
    assert.equal((await link(world, person.further(), verificationCode)).status, 200);
    assert.equal((await link(world, person.further(), verificationCode)).status, 403);
    assert.equal((await link(world, person.further(), 'nonsense')).status, 403);
    await expect(401, linked, 'GET', '/v1/devices/provisioning/code');
  },

  async six_devices_are_enough(world) {
    const { person, primary } = await withTwo(world);
    for (let n = 3; n <= 6; n++) {
      const { verificationCode } = await linkCode(primary);
      assert.equal((await link(world, person.further(), verificationCode)).json.deviceId, n);
    }
    assert.deepEqual(await expect(411, primary, 'GET', '/v1/devices/provisioning/code'), { current: 6, max: 6 });
  },

  async an_old_device_tells_a_new_one_how_to_get_the_account(world) {
    const [fresh, old] = [await world.anonymous(), await world.connectAs(await world.registeredPerson())];
    const path = `/v1/devices/restore_account/${randomBytes(16).toString('base64url')}`;
    const waiting = expect(200, fresh, 'GET', `${path}?timeout=10`, { timeoutMillis: 12_000 });
    const body = { method: 'DEVICE_TRANSFER' };
    await expect(204, old, 'PUT', path, { body });
    assert.equal((await waiting).method, 'DEVICE_TRANSFER');
  },

  async a_wrong_signature_does_not_use_the_token_up(world) {
    const person = await world.registeredPerson();
    const { verificationCode } = await linkCode(await world.connectAs(person));
    const stranger = (await world.registeredPerson()).further();
    assert.equal((await link(world, stranger, verificationCode)).status, 422);
    assert.equal((await link(world, person.further(), verificationCode)).status, 200);
  },

  async the_owner_sees_when_devices_were_made(world) {
    const { person, linked, id } = await withTwo(world);
    const { devices } = await expect(200, linked, 'GET', '/v1/devices');
    assert.deepEqual(devices.map((device) => device.id), [1, id]);
    for (const device of devices) assert.ok(Math.abs(Date.now() - person.madeAt(device)) < 600_000);
  },

  async an_unlinked_device_is_gone_at_once(world) {
    const { person, primary, linked, login, further, id } = await withTwo(world);
    await expect(401, linked, 'DELETE', '/v1/devices/1');
    await expect(403, primary, 'DELETE', '/v1/devices/1');
    const started = Date.now();
    await expect(204, primary, 'DELETE', `/v1/devices/${id}`);
    await ended('ConnectionInvalidated', linked);
    assert.ok(Date.now() - started < 1000, 'within a second');
    await fails('DeviceDelinked', world.connect(login, further.password));
    const request = { target: Aci.fromUuid(person.aci), device: 'all', auth: person };
    assert.equal((await (await world.anonymous()).getPreKeys(request)).preKeyBundles.length, 1);
    await expect(200, primary, 'GET', '/v1/accounts/whoami');
  },

  async a_linked_device_leaves_by_itself(world) {
    const { linked, primary, id } = await withTwo(world);
    await lastWords(expect(204, linked, 'DELETE', `/v1/devices/${id}`));
    await ended('ConnectionInvalidated', linked);
    assert.equal((await expect(200, primary, 'GET', '/v1/devices')).devices.length, 1);
  },
};
