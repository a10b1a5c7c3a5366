{{ asana_airbyte.staged('goal_status_updates', {
  'gid': 'text',
  'goal_id': 'text',
  'title': 'text',
  'status_text': 'text',
  'status_type': 'text',
  'created_at': 'time',
  'modified_at': 'time',
  'created_by': 'json',
  'author': 'json',
  'num_likes': 'integer'
}, renamed={'status_text': 'text'}) }}
