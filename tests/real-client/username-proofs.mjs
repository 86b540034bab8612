// Makes 200 usernames, their hashes and proofs with the published client library, as keys/vectors/username-proofs-of-the-library.txt
// has them. Not part of any run: two runs never give the same, since proofs are drawn by chance.
//
//   cd FOLDER_WITH_THE_LIBRARY && node username-proofs.mjs > …

import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { usernames } from '@signalapp/libsignal-client';

const FIRST = '_abcdefghijklmnopqrstuvwxyz';
const OTHERS = `${FIRST}0123456789`;
const drawn = (alphabet) => alphabet[randomInt(alphabet.length)];
const nickname = (length) => drawn(FIRST) + Array.from({ length: length - 1 }, () => drawn(OTHERS)).join('');
const hex = (bytes) => Buffer.from(bytes).toString('hex');

const folder = dirname(createRequire(import.meta.url).resolve('@signalapp/libsignal-client/package.json'));
const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json')));

console.log(`# Proofs of usernames, made by ${name} ${version}: tests/real-client/username-proofs.mjs`);
console.log('# A line: name, hash, proof.');
// Twenty names for each nickname, with discriminators of two digits to nine.
for (const length of [3, 4, 5, 7, 9, 12, 16, 20, 26, 32]) {
  const candidates = usernames.generateCandidates(nickname(length), 3, 32);
  if (candidates.length !== 20) throw new Error(`${candidates.length} candidates`);
  for (const candidate of candidates) {
    const [hash, proof] = [usernames.hash(candidate), usernames.generateProof(candidate)];
    usernames.verifyProof(proof, hash);
    console.log(`${candidate} ${hex(hash)} ${hex(proof)}`);
  }
}
