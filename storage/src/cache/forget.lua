-- KEYS: the entry. ARGV: version (20 digits), ms to keep the tombstone. See put_newer.lua for what an entry looks like.
local there = redis.call('GETRANGE', KEYS[1], 0, 20)
local version, ms = string.sub(there, 1, 20), tonumber(ARGV[2])

if string.sub(there, 21) == 'x' then
  -- A tombstone never guards less, nor for a shorter time, than the one it takes the place of.
  ms = math.max(ms, redis.call('PTTL', KEYS[1]))
  if version < ARGV[1] then
    version = ARGV[1]
  end
elseif version > ARGV[1] then
  return 0
else
  version = ARGV[1]
end
redis.call('SET', KEYS[1], version .. 'x', 'PX', string.format('%.0f', ms))
return 1
