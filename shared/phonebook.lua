#!lua
-- KEYS[1] phone:<hash>, a zset: who uses this phone -> until when (ms)
-- ARGV[1] member: "number", or a person   ARGV[2] claim, keep, release or look
-- ARGV[3] release: until when
-- Returns {"ok", who used it before, …: a few of them} or {"taken"}.
local CLAIM_MS, USERS_NAMED = 120000, 8
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local member, act = ARGV[1], ARGV[2]
local users = redis.call('ZRANGE', KEYS[1], '(' .. string.format('%.0f', now),
                         '+inf', 'BYSCORE')
if act ~= 'release' then
  for i = 1, #users do
    if (users[i] == 'number') ~= (member == 'number') then return {'taken'} end
  end
end
if act == 'look' then return {'ok'} end
local present = redis.call('ZSCORE', KEYS[1], member)
if act == 'claim' then
  redis.call('ZADD', KEYS[1], 'GT', string.format('%.0f', now + CLAIM_MS), member)
elseif act == 'keep' then
  redis.call('ZADD', KEYS[1], '+inf', member)
elseif present then
  redis.call('ZADD', KEYS[1], ARGV[3], member)
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
local last = redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')
if last[2] == 'inf' then
  redis.call('PERSIST', KEYS[1])
elseif last[2] then
  redis.call('PEXPIREAT', KEYS[1], string.format('%.0f', tonumber(last[2])))
end
return {'ok', unpack(users, 1, math.min(#users, USERS_NAMED))}
