-- KEYS: the entry. ARGV: version (20 digits), value, ms to keep. Answer: 1 if stored, 0 if as new a version is there.
-- An entry is its version, then "v" and the value, or "x" for a tombstone. Versions are compared as text of one length,
-- because numbers here are exact only below 2^53.
local there = redis.call('GETRANGE', KEYS[1], 0, 19)
if there >= ARGV[1] then
  return 0
end
redis.call('SET', KEYS[1], ARGV[1] .. 'v' .. ARGV[2], 'PX', ARGV[3])
return 1
