// What the library needs to know of somebody: keys, and stores for sessions. Nothing here does any cryptography.

import * as signal from '@signalapp/libsignal-client';
import { base64 } from './registry.mjs';

const { PrivateKey, KEMKeyPair } = signal;

/** Pre-keys as the library makes them; `json` is how they go over the wire. */
export const preKey = (id) => {
  const key = PrivateKey.generate();
  return { id, key, json: { keyId: id, publicKey: base64(key.getPublicKey().serialize()) } };
};

const signedBy = (identity, id, key, publicKey) => {
  const signature = identity.privateKey.sign(publicKey);
  return { id, key, signature, json: { keyId: id, publicKey: base64(publicKey), signature: base64(signature) } };
};

export const signedPreKey = (identity, id) => {
  const key = PrivateKey.generate();
  return signedBy(identity, id, key, key.getPublicKey().serialize());
};

export const kemPreKey = (identity, id) => {
  const key = KEMKeyPair.generate();
  return signedBy(identity, id, key, key.getPublicKey().serialize());
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
    const now = Date.now();
    const { SignedPreKeyRecord, KyberPreKeyRecord, PreKeyRecord } = signal;
    for (const { id, key } of oneTime) {
      await this.preKeys.savePreKey(id, PreKeyRecord.new(id, key.getPublicKey(), key));
    }
    const { id, key, signature } = signed;
    await this.signedPreKeys.saveSignedPreKey(id, SignedPreKeyRecord.new(id, now, key.getPublicKey(), key, signature));
    for (const { id, key, signature } of kem) {
      await this.kyberPreKeys.saveKyberPreKey(id, KyberPreKeyRecord.new(id, now, key, signature));
    }
  }

  /** Begins a session with what the registry answered, and writes the first message of it. */
  async write(to, { identityKey, devices: [device] }, text) {
    const bytes = (text) => Buffer.from(text, 'base64');
    const { PublicKey, KEMPublicKey, PreKeyBundle } = signal;
    const { preKey, signedPreKey, pqPreKey } = device;
    const bundle = PreKeyBundle.new(
      device.registrationId, device.deviceId,
      preKey?.keyId ?? null, preKey ? PublicKey.deserialize(bytes(preKey.publicKey)) : null,
      signedPreKey.keyId, PublicKey.deserialize(bytes(signedPreKey.publicKey)), bytes(signedPreKey.signature),
      PublicKey.deserialize(bytes(identityKey)),
      pqPreKey.keyId, KEMPublicKey.deserialize(bytes(pqPreKey.publicKey)), bytes(pqPreKey.signature),
    );
    await signal.processPreKeyBundle(bundle, to, this.address, this.sessions, this.identities);
    const message = await signal.signalEncrypt(Buffer.from(text), to, this.address, this.sessions, this.identities);
    return message.serialize();
  }

  async read(from, bytes) {
    const message = signal.PreKeySignalMessage.deserialize(bytes);
    const text = await signal.signalDecryptPreKey(
      message, from, this.address, this.sessions, this.identities, this.preKeys, this.signedPreKeys, this.kyberPreKeys,
    );
    return Buffer.from(text).toString();
  }
}
