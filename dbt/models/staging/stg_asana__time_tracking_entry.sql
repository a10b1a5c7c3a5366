{{ asana_airbyte.staged('time_tracking_entries', {
  'gid': 'text',
  'task': 'json',
  'member_user': 'json',
  'created_by': 'json',
  'project': 'json',
  'attributable_to': 'json',
  'duration_minutes': 'integer',
  'entered_on': 'date',
  'created_at': 'time',
  'description': 'text',
  'billable_status': 'text',
  'approval_status': 'text',
  'categories': 'json'
}, renamed={'member_user': 'user'}) }}
