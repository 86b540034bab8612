// Somebody with a number: what their app keeps, and what it says when it registers.

import { randomBytes, randomInt } from 'node:crypto';
import { IdentityKeyPair, Net } from '@signalapp/libsignal-client';
import { Device, json, kemPreKey, preKey, signedPreKey } from './client.mjs';
import { base64 } from './registry.mjs';

const LAST_RESORT = 2;

/** Keys and ids of one installation of the app. */
class Installation {
  password = base64(randomBytes(18));
  registrationIds = { aci: randomInt(1, 0x4000), pni: randomInt(1, 0x4000) };

  constructor(identities) {
    this.identities = identities;
    this.signed = { aci: signedPreKey(identities.aci, 1), pni: signedPreKey(identities.pni, 1) };
    this.lastResort = { aci: kemPreKey(identities.aci, LAST_RESORT), pni: kemPreKey(identities.pni, LAST_RESORT) };
  }

  /** As `PUT /v1/devices/link` has them. */
  get keysAsJson() {
    return {
      aciSignedPreKey: json(this.signed.aci), aciPqLastResortPreKey: json(this.lastResort.aci),
      pniSignedPreKey: json(this.signed.pni), pniPqLastResortPreKey: json(this.lastResort.pni),
    };
  }

  /** Fresh one-time keys with ids from 10 and 500 on, and the same as `PUT /v2/keys` has them. */
  oneTimeKeys(count, kind = 'aci') {
    const ec = Array.from({ length: count }, (_, n) => preKey(n + 10));
    const kem = Array.from({ length: count }, (_, n) => kemPreKey(this.identities[kind], n + 500));
    return { ec, kem, json: { preKeys: ec.map(json), pqPreKeys: kem.map(json) } };
  }

  /** This device with all it needs to read first messages. */
  async device(aci, id, { ec = [], kem = [] } = {}) {
    const device = new Device(aci, id, this.identities.aci, this.registrationIds.aci);
    await device.keep({ signed: this.signed.aci, kem: [...kem, this.lastResort.aci], oneTime: ec });
    return device;
  }
}

export class Person extends Installation {
  accessKey = randomBytes(16);
  recoveryPassword = randomBytes(32);

  constructor(number) {
    super({ aci: IdentityKeyPair.generate(), pni: IdentityKeyPair.generate() });
    this.number = number;
  }

  get login() {
    return `${this.aci}.1`;
  }

  attributes({ lock = null, capabilities = ['spqr'], recoveryPassword = this.recoveryPassword, unrestricted = false }) {
    return new Net.AccountAttributes({
      recoveryPassword,
      aciRegistrationId: this.registrationIds.aci,
      pniRegistrationId: this.registrationIds.pni,
      registrationLock: lock,
      unidentifiedAccessKey: this.accessKey,
      unrestrictedUnidentifiedAccess: unrestricted,
      capabilities: new Set(capabilities),
      discoverableByPhoneNumber: true,
    });
  }

  /** When a device of theirs was made, in milliseconds: sealed to them, and bound to the device. */
  madeAt({ id, registrationId, createdAtCiphertext }) {
    const bound = Buffer.alloc(5);
    bound.writeUInt8(id);
    bound.writeUInt32BE(registrationId, 1);
    const sealed = Buffer.from(createdAtCiphertext, 'base64');
    const time = this.identities.aci.privateKey.open(sealed, 'deviceCreatedAt', bound);
    return Number(Buffer.from(time).readBigUInt64BE());
  }

  /** What a registration says; the rest of `wishes` are attributes. */
  registration({ skipDeviceTransfer = true, ...wishes } = {}) {
    const { identities, signed, lastResort } = this;
    return {
      accountPassword: this.password,
      skipDeviceTransfer,
      accountAttributes: this.attributes(wishes),
      aciPublicKey: identities.aci.publicKey, pniPublicKey: identities.pni.publicKey,
      aciSignedPreKey: signed.aci, pniSignedPreKey: signed.pni,
      aciPqLastResortPreKey: lastResort.aci, pniPqLastResortPreKey: lastResort.pni,
    };
  }

  /** The same person with the app installed anew: number, lock and recovery password are what they remember. */
  again() {
    return Object.assign(new Person(this.number), { recoveryPassword: this.recoveryPassword });
  }

  /** A further device of theirs, not yet linked. */
  further() {
    return new Installation(this.identities);
  }
}
