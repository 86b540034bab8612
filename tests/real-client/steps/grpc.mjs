// What the library asks by gRPC only, on the HTTP/2 connection that its websocket is on. What it sets there is what others see.

import assert from 'node:assert/strict';
import { Aci, ServiceIdKind } from '@signalapp/libsignal-client';
import { kemPreKey, preKey, signedPreKey } from '../client.mjs';
import { ended, expect, fails, lastWords } from '../world.mjs';
import { withTwo } from './devices.mjs';

const typed = (record) => ({ keyId: record.id(), publicKey: record.publicKey(), signature: record.signature?.() });

export const grpc = {
  async keys_are_left_and_counted(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    world.needs(chat, 'setOneTimeEcPreKeys', 'setOneTimeKemPreKeys', 'getPreKeyCount');
    const { aci, pni } = person.identities;
    const of = (count, make) => Array.from({ length: count }, (_, n) => typed(make(n + 1)));
    await chat.setOneTimeEcPreKeys({ identity: ServiceIdKind.Aci, preKeys: of(4, preKey) });
    await chat.setOneTimeKemPreKeys({ identity: ServiceIdKind.Aci, preKeys: of(3, (id) => kemPreKey(aci, id)) });
    await chat.setOneTimeEcPreKeys({ identity: ServiceIdKind.Pni, preKeys: of(2, preKey) });
    await chat.setOneTimeKemPreKeys({ identity: ServiceIdKind.Pni, preKeys: of(1, (id) => kemPreKey(pni, id)) });
    assert.deepEqual({ ...(await chat.getPreKeyCount()) }, {
      aciEcPreKeyCount: 4, aciKemPreKeyCount: 3, pniEcPreKeyCount: 2, pniKemPreKeyCount: 1,
    });
  },

  async lasting_keys_are_replaced(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    world.needs(chat, 'setSignedEcPreKey', 'setLastResortKemPreKey');
    const { aci, pni } = person.identities;
    const identity = ServiceIdKind.Aci;
    await chat.setSignedEcPreKey({ identity, preKey: typed(signedPreKey(aci, 71)) });
    await chat.setLastResortKemPreKey({ identity, preKey: typed(kemPreKey(aci, 72)) });
    const unsigned = chat.setSignedEcPreKey({ identity, preKey: typed(signedPreKey(pni, 73)) });
    await assert.rejects(unsigned);
    const request = { target: Aci.fromUuid(person.aci), device: 'all', auth: person };
    const { preKeyBundles: [given] } = await (await world.anonymous()).getPreKeys(request);
    assert.deepEqual([given.signedPreKeyId(), given.kyberPreKeyId()], [71, 72]);
  },

  async devices_are_listed_and_unlinked(world) {
    const { person, primary, linked, further, login, id } = await withTwo(world);
    world.needs(primary, 'getDevices', 'removeDevice');
    const devices = await primary.getDevices();
    assert.deepEqual(devices.map((device) => device.id), [1, id]);
    assert.deepEqual(devices.map((device) => device.registrationId), [
      person.registrationIds.aci, further.registrationIds.aci,
    ]);
    await assert.rejects(linked.removeDevice({ deviceId: 1 }));
    await primary.removeDevice({ deviceId: id });
    await ended('ConnectionInvalidated', linked);
    await fails('DeviceDelinked', world.connect(login, further.password));
    await primary.removeDevice({ deviceId: id });
  },

  async a_device_is_named(world) {
    const { primary, linked, id } = await withTwo(world);
    world.needs(primary, 'getDevices', 'setDeviceName');
    const name = (deviceId, text) => ({ deviceId, encryptedName: Buffer.from(text) });
    await primary.setDeviceName(name(1, 'one'));
    await primary.setDeviceName(name(id, 'two'));
    await assert.rejects(linked.setDeviceName(name(1, 'not mine')));
    await linked.setDeviceName(name(id, 'mine'));
    await fails('DeviceIdNotFound', primary.setDeviceName(name(7, 'nobody')));
    const names = (await primary.getDevices()).map(({ encryptedName }) => Buffer.from(encryptedName).toString());
    assert.deepEqual(names, ['one', 'mine']);
  },

  async a_device_says_what_it_can_do(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    world.needs(chat, 'setCapabilities');
    await chat.setCapabilities({ capabilities: new Set(['storage', 'sparsePostQuantumRatchet']) });
    const { answer } = await world.register(person.again());
    assert.equal(answer.storageCapable, true);
  },

  async a_device_is_woken_by_nobody(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    world.needs(chat, 'clearPushToken');
    await chat.clearPushToken();
    await expect(200, chat, 'GET', '/v1/accounts/whoami');
  },

  async an_account_is_deleted(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    world.needs(chat, 'deleteAccount');
    await lastWords(chat.deleteAccount());
    await ended('ConnectionInvalidated', chat);
    await fails('DeviceDelinked', world.connectAs(person));
  },

  async credentials_for_recovery_are_checked(world) {
    const person = await world.registeredPerson();
    const anonymous = await world.anonymous();
    world.needs(anonymous, 'checkSvrCredentials');
    const { username, password } = await expect(200, await world.connectAs(person), 'GET', '/v2/svr/auth');
    const mine = `${username}:${password}`;
    const verdicts = await anonymous.checkSvrCredentials({ number: person.number, credentials: [mine, 'nonsense'] });
    assert.deepEqual(Object.fromEntries(verdicts), { [mine]: 'match', nonsense: 'invalid' });
  },

  async calls_and_requests_go_side_by_side(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    world.needs(chat, 'getDevices');
    const both = () => [chat.getDevices(), expect(200, chat, 'GET', '/v1/accounts/whoami')];
    const all = await Promise.all(Array.from({ length: 50 }, both).flat());
    assert.ok(all.every((answer) => Array.isArray(answer) || answer.uuid));
  },

  async what_a_registry_does_not_have_ends_one_call_only(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    world.needs(chat, 'getStickerUploadForms');
    await fails('IoError', chat.getStickerUploadForms({ numberOfStickers: 3 }));
    await expect(200, chat, 'GET', '/v1/accounts/whoami');
  },
};
