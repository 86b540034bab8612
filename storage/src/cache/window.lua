-- The sliding log of window.rs as one step.
-- KEYS: the log, a list of times, the oldest first. ARGV: size, ms of the span, now in ms, amount, ms to keep it at most,
-- "take", "look" or "untake". Answer: permits that are left before the take; ms until there are as many as wanted, or one more for a
-- look; ms until all are back.
local log, size, span, now, amount = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])

if ARGV[6] == 'untake' then
  redis.call('RPOP', log)
  return {0, 0, 0}
end

local function time(index)
  return tonumber(redis.call('LINDEX', log, index))
end

-- Times are in order, so the first that still counts is found by halving.
local length = redis.call('LLEN', log)
local first, beyond = 0, length
while first < beyond do
  local middle = math.floor((first + beyond) / 2)
  if time(middle) + span <= now then
    first = middle + 1
  else
    beyond = middle
  end
end
local live = length - first
local left = math.max(0, size - live)

local wanted = amount
if ARGV[6] == 'look' then
  wanted = left + 1
elseif left >= amount then
  local at = now
  if length > 0 then
    at = math.max(now, time(-1))
  end
  for _ = 1, amount do
    redis.call('RPUSH', log, string.format('%.0f', at))
  end
  if amount > 0 then
    redis.call('LTRIM', log, string.format('%.0f', -size), -1)
    redis.call('PEXPIRE', log, ARGV[5])
  end
  return {left, 0, 0}
end

if live == 0 then
  return {left, ARGV[6] == 'take' and span or 0, 0}
end
local to_end, wait = live + wanted - size, span
if to_end <= live then
  wait = time(first + to_end - 1) + span - now
end
return {left, wait, time(-1) + span - now}
