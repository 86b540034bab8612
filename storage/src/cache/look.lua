-- KEYS: a hash. ARGV: two of its fields, both whole numbers. Answer: the two, or nothing.
local kept = redis.call('HMGET', KEYS[1], ARGV[1], ARGV[2])
if kept[1] and kept[2] then
  return {tonumber(kept[1]), tonumber(kept[2])}
end
return {}
