/**
 * Both algorithms, for one or several keys at once: every limit is taken from, or none. KEYS: one per limit. ARGV: per
 * key the kind, limit, window in ms, most units at once, and count. Answers per key: allowed (1/0), remaining, and ms
 * (until whole, or until a repeat works; -1 for never).
 *
 * The time is the server's, so that processes whose clocks differ share one limit. The numbers are the integers of the
 * in-memory limiters, below 2^53, and so exact in Lua's doubles.
 */
export const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local reply, writes, allowed = {}, {}, true

local function bucket(stored, limit, window, most, count)
  local debt, at = string.match(stored, '^b (%d+) (%d+)$')
  debt = math.max(0, (tonumber(debt) or 0) - math.max(0, now - (tonumber(at) or now)) * limit)
  local max = most * window
  local after = debt + count * window
  if after <= max then
    return 1, math.floor((max - after) / window), math.ceil(after / limit), string.format('b %.0f %.0f', after, now)
  end
  return 0, math.floor((max - debt) / window), count > most and -1 or math.ceil((after - max) / limit)
end

local function sliding(stored, limit, window, count)
  local index, previous, current = string.match(stored, '^w (%d+) (%d+) (%d+)$')
  local this = math.floor(now / window)
  index, previous, current = tonumber(index) or this, tonumber(previous) or 0, tonumber(current) or 0
  if this > index then
    previous = this == index + 1 and current or 0
    current = 0
  end
  local left = (this + 1) * window - now
  local free = (limit - current) * window - previous * left
  if count * window <= free then
    current = current + count
    local reset = current > 0 and left + window or (previous > 0 and left or 0)
    local state = string.format('w %.0f %.0f %.0f', this, previous, current)
    return 1, math.floor((free - count * window) / window), reset, state
  end
  local wait = -1
  if count <= limit then
    if current + count <= limit then
      wait = left - math.floor((limit - current - count) * window / previous)
    else
      wait = left + window - math.floor((limit - count) * window / current)
    end
  end
  return 0, math.max(0, math.floor(free / window)), wait
end

for i, key in ipairs(KEYS) do
  local at = (i - 1) * 5
  local limit, window = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  local most, count = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
  local stored = redis.call('GET', key) or ''
  local ok, remaining, ms, state
  if ARGV[at + 1] == 'token_bucket' then
    ok, remaining, ms, state = bucket(stored, limit, window, most, count)
  else
    ok, remaining, ms, state = sliding(stored, limit, window, count)
  end
  if ok == 0 then allowed = false end
  if state and ms > 0 then writes[#writes + 1] = { key, state, ms } end
  reply[#reply + 1] = ok
  reply[#reply + 1] = remaining
  reply[#reply + 1] = ms
end
if allowed then
  for _, write in ipairs(writes) do redis.call('SET', write[1], write[2], 'PX', string.format('%.0f', write[3])) end
end
return reply
`;
