// A username as an app has one: reserved, proved, confirmed, given away by a link, and given up. The proofs are the library's own.

import assert from 'node:assert/strict';
import { Net, usernames } from '@signalapp/libsignal-client';
import { World, expect, fails } from '../world.mjs';

let taken = 0;
/** Names that nobody else here has. */
const fresh = () => `signet_${++taken}.4${taken}`;
const url = (bytes) => Buffer.from(bytes).toString('base64url');

/** What an app keeps of a name: its hash, and what a link to it needs. */
const made = (name) => ({ name, hash: usernames.hash(name), ...usernames.createUsernameLink(name) });
const hashes = (...names) => ({ usernameHashes: names.map(({ hash }) => hash) });
const confirmation = ({ name, encryptedUsername }) => ({ username: name, usernameCiphertext: encryptedUsername });

const holder = async (anonymous, { hash }) => (await anonymous.lookUpUsernameHash({ hash }))?.getServiceIdString() ?? null;
const followed = async (anonymous, uuid, { entropy }) => (await anonymous.lookUpUsernameLink({ uuid, entropy }))?.username ?? null;

/** A world whose look-ups go by gRPC, too. */
const byCalls = ({ registry, http, open }) => {
  const world = Object.assign(new World(registry, http), { open });
  const keys = ['grpc.AccountsAnonymousLookupUsernameHash', 'grpc.AccountsAnonymousLookupUsernameLink.2'];
  world.needs(world.net, 'setRemoteConfig');
  world.net.setRemoteConfig(new Map(keys.map((key) => [key, 'true'])), Net.BuildVariant.Production);
  return world;
};

/** Somebody who has registered, connected, with a name of their own. */
const named = async (world) => {
  const person = await world.registeredPerson();
  const chat = await world.connectAs(person);
  world.needs(chat, 'reserveUsernameHash', 'confirmUsername', 'setUsernameLink', 'deleteUsernameHash', 'deleteUsernameLink');
  const name = made(fresh());
  await chat.reserveUsernameHash(hashes(name));
  return { person, chat, name, handle: await chat.confirmUsername(confirmation(name)) };
};

/** By gRPC, hence over HTTP/2 only. */
export const namesByCalls = {
  async a_name_is_reserved_and_confirmed(world) {
    const { person, name, handle } = await named(world);
    for (const anonymous of [await world.anonymous(), await byCalls(world).anonymous()]) {
      assert.equal(await holder(anonymous, name), person.aci);
      assert.equal(await followed(anonymous, handle, name), name.name);
    }
  },

  async the_first_name_that_is_free_is_reserved(world) {
    const [first, second] = [await named(world), await named(world)];
    const third = made(fresh());
    const got = await second.chat.reserveUsernameHash(hashes(first.name, third));
    assert.deepEqual(Buffer.from(got), Buffer.from(third.hash));
    await fails('UsernameNotAvailable', second.chat.reserveUsernameHash(hashes(first.name)));
    // The own name goes before all others.
    const own = await second.chat.reserveUsernameHash(hashes(third, second.name));
    assert.deepEqual(Buffer.from(own), Buffer.from(second.name.hash));
  },

  async twenty_candidates_are_reserved_at_once(world) {
    const { chat } = await named(world);
    const candidates = usernames.generateCandidates('candidate', 3, 32).map(made);
    assert.equal(candidates.length, 20);
    const got = Buffer.from(await chat.reserveUsernameHash(hashes(...candidates)));
    assert.ok(got.equals(candidates[0].hash));
    await chat.confirmUsername(confirmation(candidates[0]));
  },

  async what_is_not_reserved_is_not_confirmed(world) {
    const { chat, name, handle } = await named(world);
    await fails('UsernameReservationNotFound', chat.confirmUsername(confirmation(made(fresh()))));
    assert.equal(await chat.confirmUsername(confirmation(name)), handle, 'confirmed once more it stays as it is');
  },

  async a_link_is_kept_renewed_and_removed(world) {
    const { person, chat, name, handle } = await named(world);
    const anonymous = await world.anonymous();
    const again = { ...name, ...usernames.createUsernameLink(name.name, name.entropy) };
    const set = (keepLinkHandle) => chat.setUsernameLink({ usernameCiphertext: again.encryptedUsername, keepLinkHandle });
    assert.equal(await set(true), handle);
    assert.equal(await followed(anonymous, handle, name), name.name, 'the link is the one that was given away');
    const renewed = await set(false);
    assert.notEqual(renewed, handle);
    assert.deepEqual([await followed(anonymous, handle, name), await followed(anonymous, renewed, again)], [null, name.name]);
    await chat.deleteUsernameLink();
    await chat.deleteUsernameLink();
    assert.equal(await followed(anonymous, renewed, again), null);
    assert.equal(await holder(anonymous, name), person.aci);
  },

  async a_name_is_given_up_and_kept_for_its_owner(world) {
    const [me, other] = [await named(world), await named(world)];
    const anonymous = await world.anonymous();
    await me.chat.deleteUsernameHash();
    await me.chat.deleteUsernameHash();
    assert.equal(await holder(anonymous, me.name), null);
    assert.equal(await followed(anonymous, me.handle, me.name), null);
    const link = { usernameCiphertext: me.name.encryptedUsername, keepLinkHandle: true };
    await fails('UsernameNotSet', me.chat.setUsernameLink(link));
    await fails('UsernameNotAvailable', other.chat.reserveUsernameHash(hashes(me.name)));
    await me.chat.reserveUsernameHash(hashes(me.name));
    assert.notEqual(await me.chat.confirmUsername(confirmation(me.name)), me.handle);
    assert.equal(await holder(anonymous, me.name), me.person.aci);
  },

  async who_registers_again_gets_the_link_back(world) {
    const { person, name, handle } = await named(world);
    const again = await world.register(person.again());
    const anonymous = await world.anonymous();
    assert.deepEqual([await holder(anonymous, name), await followed(anonymous, handle, name)], [null, null]);
    const chat = await world.connectAs(again);
    await chat.reserveUsernameHash(hashes(name));
    assert.equal(await chat.confirmUsername(confirmation(name)), handle);
    assert.deepEqual([await holder(anonymous, name), await followed(anonymous, handle, name)], [person.aci, name.name]);
  },
};

/** The same as plain requests through a connection, as over HTTP/1.1, too. */
export const names = {
  async a_name_from_its_reservation_to_its_end(world) {
    const person = await world.registeredPerson();
    const [chat, anonymous, name] = [await world.connectAs(person), await world.anonymous(), made(fresh())];
    const path = '/v1/accounts/username_hash';
    const { usernameHash } = await expect(200, chat, 'PUT', `${path}/reserve`, { body: { usernameHashes: [url(name.hash)] } });
    assert.equal(usernameHash, url(name.hash));
    const zkProof = url(usernames.generateProof(name.name));
    const body = { usernameHash, zkProof, encryptedUsername: url(name.encryptedUsername) };
    await expect(422, chat, 'PUT', `${path}/confirm`, { body: { ...body, zkProof: url(usernames.generateProof(fresh())) } });
    const { usernameLinkHandle } = await expect(200, chat, 'PUT', `${path}/confirm`, { body });
    assert.equal(await holder(anonymous, name), person.aci);
    assert.equal(await followed(anonymous, usernameLinkHandle, name), name.name);
    const link = { usernameLinkEncryptedValue: url(name.encryptedUsername), keepLinkHandle: false };
    const renewed = await expect(200, chat, 'PUT', '/v1/accounts/username_link', { body: link });
    assert.equal(await followed(anonymous, usernameLinkHandle, name), null);
    assert.equal(await followed(anonymous, renewed.usernameLinkHandle, name), name.name);
    await expect(204, chat, 'DELETE', '/v1/accounts/username_link');
    assert.equal(await followed(anonymous, renewed.usernameLinkHandle, name), null);
    await expect(204, chat, 'DELETE', path);
    assert.equal(await holder(anonymous, name), null);
  },

  async somebody_elses_name_is_not_to_be_had(world) {
    const name = made(fresh());
    const reserve = { body: { usernameHashes: [url(name.hash)] } };
    const [first, second] = [await world.registeredPerson(), await world.registeredPerson()];
    await expect(200, await world.connectAs(first), 'PUT', '/v1/accounts/username_hash/reserve', reserve);
    const chat = await world.connectAs(second);
    await expect(409, chat, 'PUT', '/v1/accounts/username_hash/reserve', reserve);
    const body = { usernameHash: url(name.hash), zkProof: url(usernames.generateProof(name.name)) };
    await expect(409, chat, 'PUT', '/v1/accounts/username_hash/confirm', { body });
  },
};
