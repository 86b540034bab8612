-- The leaky bucket of bucket.rs as one step.
-- KEYS: the bucket. ARGV: size, ms per permit, now in ms, amount, "take" or "peek". Answer: permits that were available.
local size, per, now, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

local kept = redis.call('HMGET', KEYS[1], 's', 't')
local left, at = tonumber(kept[1]) or size, tonumber(kept[2]) or now

-- Dividing before flooring is exact for numbers below 2^53; multiplying by a rate would not be.
local available = math.min(size, left + math.floor(math.max(0, now - at) / per))
if available < amount or ARGV[5] == 'peek' then
  return available
end

left = available - amount
if left >= size then
  redis.call('DEL', KEYS[1])
else
  local ten_years = 315360000000
  redis.call('HSET', KEYS[1], 's', string.format('%.0f', left), 't', string.format('%.0f', math.max(at, now)))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min((size - left) * per, ten_years)))
end
return available
