-- KEYS: the entry. ARGV: version (20 digits), value, ms to keep. Answer: 1 if stored, 0 if a newer version is there, or the
-- tombstone of this one. The same version is renewed.
-- An entry is its version, then "v" and the value, or "x" for a tombstone. Versions are compared as text of one length,
-- because numbers here are exact only below 2^53.
local there = redis.call('GETRANGE', KEYS[1], 0, 20)
local version = string.sub(there, 1, 20)
if version > ARGV[1] or there == ARGV[1] .. 'x' then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. 'v' .. ARGV[2], 'PX', ARGV[3])
return 1
