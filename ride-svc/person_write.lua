#!lua
-- Writes a person as they were read, or not at all.
-- KEYS[1] <role>:<id>
-- ARGV[1] add, edit or remove  ARGV[2] edit, remove: the mark as it was read
-- ARGV[3] remove: the request  ARGV[4…] add, edit: fields and their values
-- Returns {"done"}, {"there"}: added or removed by the same request before,
--   {"changed"}: by somebody else since it was read, or {"none"}.
local KEPT_S, MOST_BEFORE = 172800, 1344
local fields = redis.call('HMGET', KEYS[1], 'name', 'mark', 'removed', 'key',
                          'before')
local name, mark, removed = fields[1], fields[2] or '', fields[3]
local act = ARGV[1]
if act == 'add' then
  if name or removed then return {'there'} end
elseif not name then
  return {act == 'remove' and removed == ARGV[3] and 'there' or 'none'}
elseif mark ~= ARGV[2] then
  return {'changed'}
end

if act == 'remove' then
  -- What is left tells a repeat of the request from another one.
  redis.call('HDEL', KEYS[1], 'name', 'phone')
  redis.call('HSET', KEYS[1], 'removed', ARGV[3])
  redis.call('EXPIRE', KEYS[1], KEPT_S)
else
  for i = 4, #ARGV, 2 do
    -- Rides that were made with the phone before are still this person's.
    if act == 'edit' and ARGV[i] == 'key' and ARGV[i + 1] ~= fields[4] then
      local before = string.gsub((fields[5] or '') .. ' ' .. fields[4], '^ ', '')
      redis.call('HSET', KEYS[1], 'before', string.sub(before, -MOST_BEFORE))
    end
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1])
  end
end
return {'done'}
