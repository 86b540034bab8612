// What an app sets on its own account: lock, recovery password, who finds it, who writes to it unseen, one-time passwords. All of it
// by gRPC but for the attributes, which the library leaves to the app.

import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { Aci } from '@signalapp/libsignal-client';
import { base64 } from '../registry.mjs';
import { Skipped } from '../report.mjs';
import { expect, fails } from '../world.mjs';

const STEP = 30_000;

// Older libraries have none.
const { SvrKey } = await import('@signalapp/libsignal-client/dist/AccountKeys.js').catch(() => ({}));

/** The key that an app derives the rest from. */
const newSvrKey = () => {
  if (!SvrKey) throw new Skipped('this version has no SvrKey');
  return new SvrKey(randomBytes(32));
};

/** RFC 6238 with SHA-256. */
const oneTimePassword = (key, now = Date.now()) => {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(now / STEP)));
  const digest = createHmac('sha256', key).update(counter).digest();
  return (digest.readUInt32BE(digest[31] & 0xf) & 0x7fff_ffff) % 1_000_000;
};

const report = async (chat) => (await expect(200, chat, 'GET', '/v2/accounts/data_report')).data;

/** Registers by plain REST, where a one-time password can be shown for a number. */
const registerByRest = async (world, person, totp) => {
  const { number } = person;
  const ask = (...request) => world.registry.ask(...request);
  const { json: { id } } = await ask('POST', '/v1/verification/session', { body: { number } });
  await ask('PATCH', `/v1/verification/session/${id}`, { body: { captcha: 'noop.noop.registration.noop' } });
  await ask('POST', `/v1/verification/session/${id}/code`, { body: { transport: 'sms', client: 'test' } });
  await ask('PUT', `/v1/verification/session/${id}/code`, { body: { code: await world.registry.code(number) } });
  const body = {
    sessionId: id,
    skipDeviceTransfer: true,
    totp,
    accountAttributes: {
      fetchesMessages: true, registrationId: person.registrationIds.aci, pniRegistrationId: person.registrationIds.pni,
      capabilities: { spqr: true }, unidentifiedAccessKey: [...person.accessKey],
    },
    aciIdentityKey: base64(person.identities.aci.publicKey.serialize()),
    pniIdentityKey: base64(person.identities.pni.publicKey.serialize()),
    ...person.keysAsJson,
  };
  return ask('POST', '/v1/registration', { body, as: `${number}:${person.password}` });
};

export const account = {
  async a_lock_is_set_and_cleared(world) {
    const before = await world.registeredPerson();
    const chat = await world.connectAs(before);
    world.needs(chat, 'setRegistrationLock', 'clearRegistrationLock');
    const svrKey = newSvrKey();
    await chat.setRegistrationLock({ svrKey });
    assert.equal((await report(chat)).account.registrationLockSet, true);

    const after = before.again();
    const session = await world.proved(after);
    await fails('RegistrationLock', session.registerAccount(after.registration()));
    const lock = Buffer.from(svrKey.deriveRegistrationLock()).toString('hex');
    world.registered(after, await session.registerAccount(after.registration({ lock })));
    assert.equal(after.aci, before.aci);

    const again = await world.connectAs(after);
    await again.clearRegistrationLock();
    await again.clearRegistrationLock();
    assert.equal((await world.register(before.again())).aci, before.aci);
  },

  async a_recovery_password_is_set(world) {
    const before = await world.registeredPerson();
    const chat = await world.connectAs(before);
    world.needs(chat, 'setRegistrationRecoveryPassword');
    const svrKey = newSvrKey();
    await chat.setRegistrationRecoveryPassword({ svrKey });
    await fails('RegistrationRecoveryVerificationFailed', world.reregister(before.again()));
    const recoveryPassword = svrKey.deriveRegistrationRecoveryPassword();
    const after = await world.reregister(Object.assign(before.again(), { recoveryPassword }));
    assert.equal(after.aci, before.aci);
  },

  async an_account_is_found_by_its_number_or_not(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    world.needs(chat, 'setDiscoverableByPhoneNumber');
    for (const discoverable of [false, true]) {
      await chat.setDiscoverableByPhoneNumber({ discoverable });
      assert.equal((await report(chat)).account.findAccountByPhoneNumber, discoverable);
    }
  },

  async another_access_key_opens(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    const accessKey = randomBytes(16);
    const attributes = {
      fetchesMessages: true, registrationId: person.registrationIds.aci, pniRegistrationId: person.registrationIds.pni,
      capabilities: { spqr: true }, unidentifiedAccessKey: [...accessKey], discoverableByPhoneNumber: true,
    };
    await expect(204, chat, 'PUT', '/v1/accounts/attributes/', { body: attributes });
    const anonymous = await world.anonymous();
    world.needs(anonymous, 'getPreKeys');
    const get = (auth) => anonymous.getPreKeys({ target: Aci.fromUuid(person.aci), device: 'all', auth });
    await fails('RequestUnauthorized', get(person));
    assert.equal((await get({ accessKey })).preKeyBundles.length, 1);
  },

  async one_time_passwords_are_set_up(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    world.needs(chat, 'generateTotpKey', 'confirmTotpKey', 'listMfaKeys', 'setMfaKeyMetadata', 'removeMfaKey');
    const svrKey = newSvrKey();
    const named = (name) => ({ name, createdAt: 1_782_484_792_000 });
    assert.deepEqual(await chat.listMfaKeys({ svrKey }), []);
    const ids = [];
    for (const name of ['one', 'two']) {
      const { key, parameters } = await chat.generateTotpKey();
      assert.deepEqual([key.length, { ...parameters }], [
        32, { algorithm: 'HmacSHA256', passwordLength: 6, timeStepSeconds: 30 },
      ]);
      const confirm = (code) => chat.confirmTotpKey({ oneTimePassword: code, metadata: named(name), svrKey });
      // This error has had several names. Five guesses are free.
      if (name === 'one') await assert.rejects(confirm((oneTimePassword(key) + 1) % 1_000_000), /one-time password/);
      const id = await confirm(oneTimePassword(key));
      assert.equal(await confirm(oneTimePassword(key)), id);
      ids.push(id);
    }
    await fails('TooManyTotpKeys', chat.generateTotpKey());
    await chat.setMfaKeyMetadata({ keyId: ids[1], metadata: named('other'), svrKey });
    const free = ids.includes(5) ? (ids.includes(6) ? 7 : 6) : 5;
    await fails('MfaKeyNotFound', chat.setMfaKeyMetadata({ keyId: free, metadata: named('none'), svrKey }));
    const listed = async () =>
      (await chat.listMfaKeys({ svrKey })).map(({ id, kind, metadata }) => [id, kind, metadata.name]);
    const sorted = (keys) => keys.sort(([a], [b]) => a - b);
    assert.deepEqual(await listed(), sorted([[ids[0], 'totp', 'one'], [ids[1], 'totp', 'other']]));
    for (const keyId of [ids[0], ids[0]]) await chat.removeMfaKey({ keyId });
    assert.deepEqual(await listed(), [[ids[1], 'totp', 'other']]);
  },

  async who_registers_again_is_asked_for_one(world) {
    const before = await world.registeredPerson();
    const chat = await world.connectAs(before);
    world.needs(chat, 'generateTotpKey', 'confirmTotpKey');
    const { key } = await chat.generateTotpKey();
    const metadata = { name: 'one', createdAt: 0 };
    await chat.confirmTotpKey({ oneTimePassword: oneTimePassword(key), metadata, svrKey: newSvrKey() });

    const after = before.again();
    await fails('RegistrationOneTimePasswordRequired', world.register(after));
    assert.equal((await registerByRest(world, after, (oneTimePassword(key) + 1) % 1_000_000)).status, 441);
    const answer = await registerByRest(world, after, oneTimePassword(key));
    assert.deepEqual([answer.status, answer.json.uuid], [200, before.aci]);
    assert.equal((await world.register(before.again())).aci, before.aci);
  },
};
