// Connections themselves: who is told what, which one stays when a device connects twice, and what ends them.

import assert from 'node:assert/strict';
import { Aci, Pni, usernames } from '@signalapp/libsignal-client';
import { ask, ended, expect, fails, lastWords } from '../world.mjs';

const NOBODY = 'a1a1a1a1-0000-4000-8000-000000000000';

export const sockets = {
  async a_device_is_told_that_nothing_waits(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    await chat.listener.queueEmpty;
    assert.deepEqual(await chat.listener.alerts, []);
  },

  async a_device_is_connected_once(world) {
    const person = await world.registeredPerson();
    const first = await world.connectAs(person);
    const second = await world.connectAs(person);
    await ended('ConnectedElsewhere', first);
    await expect(200, second, 'GET', '/v1/accounts/whoami');
  },

  async of_many_connections_at_once_one_stays(world) {
    const person = await world.registeredPerson();
    const chats = await Promise.all(Array.from({ length: 8 }, () => world.connectAs(person)));
    const over = new Set();
    await new Promise((done) => {
      for (const chat of chats) {
        chat.listener.interrupted.then(() => { if (over.add(chat).size === 7) done(); });
      }
    });
    for (const chat of over) await ended('ConnectedElsewhere', chat);
    const [left] = chats.filter((chat) => !over.has(chat));
    await expect(200, left, 'GET', '/v1/accounts/whoami');
  },

  async requests_are_answered_side_by_side(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    const all = await Promise.all(Array.from({ length: 100 }, () => ask(chat, 'GET', '/v1/accounts/whoami')));
    assert.ok(all.every(({ status }) => status === 200));
    const { headers } = all[0];
    assert.ok(Math.abs(Number(headers['x-signal-timestamp']) - Date.now()) < 60_000);
    assert.equal(headers['content-type'], 'application/json');
  },

  async whatever_is_asked_is_answered(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    const anonymous = await world.anonymous({ languages: ['de', 'en'] });
    for (const one of [chat, anonymous]) await expect(200, one, 'GET', '/v1/keepalive');
    await expect(404, chat, 'GET', '/v1/nothing');
    await expect(401, anonymous, 'GET', '/v1/accounts/whoami');
    await expect(401, anonymous, 'GET', '/v1/devices/provisioning/code');
    for (const body of ['?', { preKeys: 7 }]) await expect(422, chat, 'PUT', '/v2/keys', { body });
  },

  async what_a_registry_does_not_have_is_refused(world) {
    const chat = await world.connectAs(await world.registeredPerson());
    await fails('IoError', chat.getUploadForm({ uploadSize: 100n }));
    await expect(404, chat, 'PUT', `/v1/messages/${NOBODY}`, { body: { messages: [] } });
    await expect(200, chat, 'GET', '/v1/accounts/whoami');
  },

  async a_deleted_account_is_disconnected(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    await lastWords(expect(204, chat, 'DELETE', '/v1/accounts/me'));
    await ended('ConnectionInvalidated', chat);
    await fails('DeviceDelinked', world.connectAs(person));
    assert.equal(await (await world.anonymous()).accountExists({ account: Aci.fromUuid(person.aci) }), false);
  },

  async a_message_without_measure_ends_the_connection(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    await assert.rejects(ask(chat, 'PUT', '/v2/keys', { body: 'x'.repeat(600_000) }));
    await chat.listener.interrupted;
    await world.connectAs(person);
  },

  async an_app_may_connect_ahead(world) {
    const person = await world.registeredPerson();
    await world.net.preconnectChat();
    await expect(200, await world.connectAs(person), 'GET', '/v1/accounts/whoami');
  },
};

export const lookUps = {
  async accounts_are_there_or_not(world) {
    const { aci, pni } = await world.registeredPerson();
    const anonymous = await world.anonymous();
    const exists = (account) => anonymous.accountExists({ account });
    const all = [Aci.fromUuid(aci), Pni.fromUuid(pni), Aci.fromUuid(NOBODY), Pni.fromUuid(NOBODY), Aci.fromUuid(pni)];
    assert.deepEqual(await Promise.all(all.map(exists)), [true, true, false, false, false]);
  },

  async names_that_nobody_has_are_not_found(world) {
    const anonymous = await world.anonymous();
    assert.equal(await anonymous.lookUpUsernameHash({ hash: usernames.hash('nobody.42') }), null);
    const link = { uuid: NOBODY, entropy: new Uint8Array(32) };
    assert.equal(await anonymous.lookUpUsernameLink(link), null);
  },

  async who_has_an_account_asks_in_another_way(world) {
    const person = await world.registeredPerson();
    const chat = await world.connectAs(person);
    await expect(400, chat, 'HEAD', `/v1/accounts/account/${person.aci}`);
    await expect(400, chat, 'GET', `/v1/accounts/username_link/${NOBODY}`);
  },
};
