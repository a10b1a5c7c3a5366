{#- Which versions of which stories there are, of tasks that are there. A view, as asana__story alone reads it; of
    the stream it reads no more than it needs. -#}
{{ config(materialized='view') }}
select story_id, synced_at, extracted_at
from (
  {{- asana_airbyte.newest(
    ['stories'], {'story_id': 'text', 'task_id': 'text'}, key=['story_id'], renamed={'story_id': 'gid'}
  ) | indent(2) }}
) as stories
where {{ asana_airbyte.is_known('stories.task_id', 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
