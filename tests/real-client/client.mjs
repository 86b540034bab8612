// What the library needs to know of somebody: keys, and stores for sessions. Nothing here does any cryptography.

import * as signal from '@signalapp/libsignal-client';
import { base64 } from './registry.mjs';

const { KEMKeyPair, KEMPublicKey, KyberPreKeyRecord, PreKeyRecord, PrivateKey, PublicKey, SignedPreKeyRecord } = signal;

/** Pre-keys as the library keeps them. */
export const preKey = (id) => {
  const key = PrivateKey.generate();
  return PreKeyRecord.new(id, key.getPublicKey(), key);
};

export const signedPreKey = (identity, id) => {
  const key = PrivateKey.generate();
  const signature = identity.privateKey.sign(key.getPublicKey().serialize());
  return SignedPreKeyRecord.new(id, Date.now(), key.getPublicKey(), key, signature);
};

export const kemPreKey = (identity, id) => {
  const pair = KEMKeyPair.generate();
  return KyberPreKeyRecord.new(id, Date.now(), pair, identity.privateKey.sign(pair.getPublicKey().serialize()));
};

/** A pre-key as it goes over the wire. */
export const json = (record) => ({
  keyId: record.id(),
  publicKey: base64(record.publicKey().serialize()),
  ...(record.signature && { signature: base64(record.signature()) }),
});

/** What the registry answers for the first of the devices, as the library's type. */
export const bundle = ({ identityKey, devices: [device] }) => {
  const bytes = (text) => Buffer.from(text, 'base64');
  const { preKey, signedPreKey, pqPreKey } = device;
  return signal.PreKeyBundle.new(
    device.registrationId, device.deviceId,
    preKey?.keyId ?? null, preKey ? PublicKey.deserialize(bytes(preKey.publicKey)) : null,
    signedPreKey.keyId, PublicKey.deserialize(bytes(signedPreKey.publicKey)), bytes(signedPreKey.signature),
    PublicKey.deserialize(bytes(identityKey)),
    pqPreKey.keyId, KEMPublicKey.deserialize(bytes(pqPreKey.publicKey)), bytes(pqPreKey.signature),
  );
};

class Sessions extends signal.SessionStore {
  all = new Map();
  async saveSession(address, record) { this.all.set(address.toString(), record); }
  async getSession(address) { return this.all.get(address.toString()) ?? null; }
  async getExistingSessions(addresses) { return addresses.map((address) => this.all.get(address.toString())); }
}

class Identities extends signal.IdentityKeyStore {
  constructor(mine, registrationId) { super(); Object.assign(this, { mine, registrationId, others: new Map() }); }
  async getIdentityKey() { return this.mine.privateKey; }
  async getLocalRegistrationId() { return this.registrationId; }
  async saveIdentity(address, key) { this.others.set(address.toString(), key); return 0; }
  async isTrustedIdentity() { return true; }
  async getIdentity(address) { return this.others.get(address.toString()) ?? null; }
}

class PreKeys extends signal.PreKeyStore {
  all = new Map();
  async savePreKey(id, record) { this.all.set(id, record); }
  async getPreKey(id) { return this.all.get(id); }
  async removePreKey(id) { this.all.delete(id); }
}

class SignedPreKeys extends signal.SignedPreKeyStore {
  all = new Map();
  async saveSignedPreKey(id, record) { this.all.set(id, record); }
  async getSignedPreKey(id) { return this.all.get(id); }
}

class KyberPreKeys extends signal.KyberPreKeyStore {
  all = new Map();
  async saveKyberPreKey(id, record) { this.all.set(id, record); }
  async getKyberPreKey(id) { return this.all.get(id); }
  async markKyberPreKeyUsed() {}
}

/** One device of somebody: where it is, and all it keeps. */
export class Device {
  constructor(aci, id, identity, registrationId) {
    this.address = signal.ProtocolAddress.new(aci, id);
    this.sessions = new Sessions();
    this.identities = new Identities(identity, registrationId);
    this.preKeys = new PreKeys();
    this.signedPreKeys = new SignedPreKeys();
    this.kyberPreKeys = new KyberPreKeys();
  }

  async keep({ signed, kem, oneTime = [] }) {
    for (const record of oneTime) await this.preKeys.savePreKey(record.id(), record);
    await this.signedPreKeys.saveSignedPreKey(signed.id(), signed);
    for (const record of kem) await this.kyberPreKeys.saveKyberPreKey(record.id(), record);
  }

  /** Begins a session with what the registry gave, and writes the first message of it. */
  async write(to, bundle, text) {
    await signal.processPreKeyBundle(bundle, to, this.address, this.sessions, this.identities);
    return this.writeOn(to, text);
  }

  /** Writes in the session there is. */
  async writeOn(to, text) {
    const message = await signal.signalEncrypt(Buffer.from(text), to, this.address, this.sessions, this.identities);
    return message.serialize();
  }

  /** Reads the first message of somebody. */
  async read(from, bytes) {
    const message = signal.PreKeySignalMessage.deserialize(bytes);
    const text = await signal.signalDecryptPreKey(
      message, from, this.address, this.sessions, this.identities, this.preKeys, this.signedPreKeys, this.kyberPreKeys,
    );
    return Buffer.from(text).toString();
  }

  /** Reads an answer. */
  async readOn(from, bytes) {
    const message = signal.SignalMessage.deserialize(bytes);
    const text = await signal.signalDecrypt(message, from, this.address, this.sessions, this.identities);
    return Buffer.from(text).toString();
  }
}
