#!lua
-- Signs in, where the account still is as it was when its password held.
-- KEYS[1] {access}:account:<name>  KEYS[2] {access}:session:<key>
-- KEYS[3] {access}:sessions:<name>  KEYS[4] the count of this browser, or of
-- this account from this address: it begins anew
-- KEYS[5], KEYS[6] counts of the account and of the address: this attempt was no
-- failure
-- ARGV[1] name  ARGV[2] the hash that the password was checked against
-- ARGV[3] the step of the one-time code, or ''  ARGV[4] idle (ms)
-- ARGV[5] at most (ms)  ARGV[6] address  ARGV[7] the browser  ARGV[8] key
-- ARGV[9] the prefix of sessions' keys
-- Returns {"made"}, {"changed"} or {"used"}: that code was good once.
local MOST = 50
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local account = redis.call('HMGET', KEYS[1], 'password', 'disabled', 'totp',
                           'totp_step')
if account[1] ~= ARGV[2] or account[2] then return {'changed'} end
if (account[3] ~= false) ~= (ARGV[3] ~= '') then return {'changed'} end
if ARGV[3] ~= '' and tonumber(account[4] or -1) >= tonumber(ARGV[3]) then
  return {'used'}
end
local function text(n) return string.format('%.0f', n) end
local expires = now + tonumber(ARGV[5])
local first = math.min(now + tonumber(ARGV[4]), expires)
-- The oldest one goes where there are too many.
local old = redis.call('ZRANGE', KEYS[3], 0, -MOST)
for i = 1, #old do
  redis.call('DEL', ARGV[9] .. old[i])
  redis.call('ZREM', KEYS[3], old[i])
end
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', text(now))
redis.call('HSET', KEYS[2], 'account', ARGV[1], 'made', text(now), 'seen',
           text(now), 'expires', text(expires), 'address', ARGV[6], 'agent',
           ARGV[7])
redis.call('PEXPIREAT', KEYS[2], text(first))
redis.call('ZADD', KEYS[3], text(expires), ARGV[8])
-- The list lasts as long as the last of them.
local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2]
redis.call('PEXPIREAT', KEYS[3], text(tonumber(last)))
redis.call('HSET', KEYS[1], 'signed_in', text(now))
if ARGV[3] ~= '' then redis.call('HSET', KEYS[1], 'totp_step', ARGV[3]) end
redis.call('DEL', KEYS[4])
for i = 5, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or 0) > 0 then
    redis.call('DECR', KEYS[i])
  end
end
return {'made'}
