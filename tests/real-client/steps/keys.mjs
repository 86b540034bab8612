// Pre-keys: uploaded over a device's connection, fetched by strangers, and what a first message made of them is worth.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Aci, IdentityKeyPair, Pni } from '@signalapp/libsignal-client';
import { Device, bundle, json, signedPreKey } from '../client.mjs';
import { expect, fails } from '../world.mjs';

const somebodyElse = () => new Device('a1a1a1a1-0000-4000-8000-000000000000', 1, IdentityKeyPair.generate(), 5);

/** Somebody who left so many one-time keys, with the connection they did it on. */
const withKeys = async (world, count, wishes) => {
  const person = await world.registeredPerson(wishes);
  const [chat, keys] = [await world.connectAs(person), person.oneTimeKeys(count)];
  await expect(204, chat, 'PUT', '/v2/keys', { body: keys.json });
  return { person, chat, keys };
};

const fetchKeys = async (anonymous, { aci, accessKey }, device = 'all', auth = { accessKey }) =>
  anonymous.getPreKeys({ target: Aci.fromUuid(aci), device, auth });

/** A stranger writes with this bundle, is read, and reads the answer. */
const converse = async (me, given) => {
  const stranger = somebodyElse();
  assert.equal(await me.read(stranger.address, await stranger.write(me.address, given, 'hello')), 'hello');
  assert.equal(await stranger.readOn(me.address, await me.writeOn(stranger.address, 'yes?')), 'yes?');
};

export const keys = {
  async one_time_keys_are_left_and_counted(world) {
    const { person, chat } = await withKeys(world, 100);
    assert.deepEqual(await expect(200, chat, 'GET', '/v2/keys'), { count: 100, pqCount: 100 });
    const path = '/v2/keys?identity=pni';
    assert.deepEqual(await expect(200, chat, 'GET', path), { count: 0, pqCount: 0 });
    await expect(204, chat, 'PUT', path, { body: person.oneTimeKeys(3, 'pni').json });
    assert.deepEqual(await expect(200, chat, 'GET', path), { count: 3, pqCount: 3 });
  },

  async a_stranger_writes_and_is_answered(world) {
    const { person, keys } = await withKeys(world, 2);
    const anonymous = await world.anonymous();
    const me = await person.device(person.aci, 1, keys);
    for (const n of [0, 1]) {
      const { identityKey, preKeyBundles: [given, ...others] } = await fetchKeys(anonymous, person);
      assert.ok(identityKey.equals(person.identities.aci.publicKey) && others.length === 0);
      assert.deepEqual([given.preKeyId(), given.registrationId()], [10 + n, person.registrationIds.aci]);
      await converse(me, given);
    }
  },

  async the_last_resort_key_is_there_when_all_others_are_gone(world) {
    const { person, chat } = await withKeys(world, 3);
    const anonymous = await world.anonymous();
    const ids = [];
    for (let n = 0; n < 4; n++) ids.push((await fetchKeys(anonymous, person)).preKeyBundles[0]);
    assert.deepEqual(ids.map((given) => given.preKeyId()), [10, 11, 12, null]);
    assert.equal(ids[3].kyberPreKeyId(), person.lastResort.aci.id());
    assert.deepEqual(await expect(200, chat, 'GET', '/v2/keys'), { count: 0, pqCount: 0 });
    const me = await person.device(person.aci, 1);
    for (const again of [ids[3], (await fetchKeys(anonymous, person)).preKeyBundles[0]]) await converse(me, again);
  },

  async each_key_is_given_to_one(world) {
    const { person } = await withKeys(world, 20);
    const strangers = await Promise.all(Array.from({ length: 4 }, () => world.anonymous()));
    const all = await Promise.all(Array.from({ length: 20 }, (_, n) => fetchKeys(strangers[n % 4], person)));
    const given = all.map(({ preKeyBundles: [one] }) => [one.preKeyId(), one.kyberPreKeyId()]);
    assert.equal(new Set(given.map(([ec]) => ec)).size, 20);
    assert.equal(new Set(given.map(([, kem]) => kem)).size, 20);
    assert.ok(given.flat().every((id) => id >= 10));
  },

  async a_stranger_has_to_show_the_access_key(world) {
    const { person } = await withKeys(world, 1);
    const anonymous = await world.anonymous();
    const unauthorized = (...request) => fails('RequestUnauthorized', fetchKeys(anonymous, ...request));
    await unauthorized({ aci: person.aci, accessKey: Buffer.alloc(16, 1) });
    await unauthorized(person, 'all', 'unrestricted');
    await unauthorized({ ...person, aci: 'a1a1a1a1-0000-4000-8000-000000000000' });
    await unauthorized(person, { deviceId: 2 });
    const target = Pni.fromUuid(person.pni);
    await fails('RequestUnauthorized', anonymous.getPreKeys({ target, device: 'all', auth: person }));
    await fetchKeys(anonymous, person, { deviceId: 1 });
  },

  async who_wants_to_be_written_to_by_all_shows_no_key(world) {
    const { person } = await withKeys(world, 1, { unrestricted: true });
    const { preKeyBundles } = await fetchKeys(await world.anonymous(), person, 'all', 'unrestricted');
    assert.equal(preKeyBundles[0].preKeyId(), 10);
  },

  async a_device_asks_for_anybodys_keys(world) {
    const { person, chat } = await withKeys(world, 1);
    const other = await world.connectAs(await world.registeredPerson());
    await expect(204, chat, 'PUT', '/v2/keys?identity=pni', { body: person.oneTimeKeys(1, 'pni').json });
    const given = bundle(await expect(200, other, 'GET', `/v2/keys/PNI:${person.pni}/*`));
    assert.ok(given.identityKey().equals(person.identities.pni.publicKey));
    assert.equal(given.registrationId(), person.registrationIds.pni);
    await expect(200, other, 'GET', `/v2/keys/${person.aci}/1`);
    await expect(404, other, 'GET', `/v2/keys/${person.aci}/2`);
    await expect(404, other, 'GET', '/v2/keys/a1a1a1a1-0000-4000-8000-000000000000/*');
  },

  async keys_that_nobody_signed_are_refused(world) {
    const { person, chat } = await withKeys(world, 1);
    const { signature } = json(person.lastResort.aci);
    const body = { signedPreKey: { ...json(signedPreKey(person.identities.aci, 7)), signature } };
    await expect(422, chat, 'PUT', '/v2/keys', { body });
    await expect(204, chat, 'PUT', '/v2/keys', { body: { signedPreKey: json(signedPreKey(person.identities.aci, 7)) } });
    const { preKeyBundles } = await fetchKeys(await world.anonymous(), person);
    assert.equal(preKeyBundles[0].signedPreKeyId(), 7);
  },

  async a_device_checks_that_its_keys_are_the_ones(world) {
    const { person, chat } = await withKeys(world, 1);
    const id = (record) => { const bytes = Buffer.alloc(8); bytes.writeBigUInt64BE(BigInt(record.id())); return bytes; };
    const hash = createHash('sha256').update(person.identities.aci.publicKey.serialize());
    for (const record of [person.signed.aci, person.lastResort.aci]) {
      hash.update(id(record)).update(record.publicKey().serialize());
    }
    const check = (digest) => ({ body: { identityType: 'aci', digest: digest.toString('base64') } });
    await expect(200, chat, 'POST', '/v2/keys/check', check(hash.digest()));
    await expect(409, chat, 'POST', '/v2/keys/check', check(Buffer.alloc(32)));
  },
};
