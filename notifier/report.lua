#!lua
-- What became of a text at the provider: moves only forward.
-- KEYS[1] status:{P}:<reference>
-- KEYS[2] undelivered:{P}: texts whose sender is to be told
-- ARGV[1] rank of the status  ARGV[2] event for the timeline, or ''
-- ARGV[3] status  ARGV[4] reference  ARGV[5] "1": it did not arrive
-- ARGV[6] prefix of the timelines' keys, under the same hash tag
-- Returns {"moved"}, {"old"} or {"unknown"}.
local MOST_UNDELIVERED, TOLD_WITHIN_S = 1000, 14400
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- include shared/timeline.inc

local state = redis.call('GET', KEYS[1])
if not state then return {'unknown'} end
local rank, ride, role, kind, queued =
  string.match(state, '^(%d+) (%S+) (%S+) ?(%S*) ?(%d*)$')
if not rank then return {'unknown'} end
if tonumber(rank) >= tonumber(ARGV[1]) then return {'old'} end
state = ARGV[1] .. ' ' .. ride .. ' ' .. role .. ' ' .. kind .. ' ' .. queued
redis.call('SET', KEYS[1], state, 'KEEPTTL')
if ARGV[5] == '1' and kind == 't' then
  redis.call('RPUSH', KEYS[2],
             ARGV[4] .. ' ' .. ride .. ' ' .. role .. ' ' .. queued)
  redis.call('LTRIM', KEYS[2], -MOST_UNDELIVERED, -1)
  redis.call('EXPIRE', KEYS[2], TOLD_WITHIN_S)
end
if ARGV[2] ~= '' then note(ARGV[6] .. ride, ARGV[2], role, ARGV[4], ARGV[3]) end
return {'moved'}
