{{ asana_airbyte.staged('audit_log_events', {
  'gid': 'text',
  'workspace_id': 'text',
  'created_at': 'time',
  'event_type': 'text',
  'event_category': 'text',
  'actor': 'json',
  'target': 'json',
  'details': 'json',
  'context': 'json'
}, renamed={'target': 'resource'}) }}
