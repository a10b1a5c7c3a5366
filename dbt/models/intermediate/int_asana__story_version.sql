{#- Which versions of which stories there are, of tasks that are there. A view, as asana__story alone reads it. -#}
{{ config(materialized='view') }}
select story_id, synced_at, extracted_at
from {{ ref('stg_asana__story') }} as stories
where {{ asana_airbyte.is_known('stories.task_id', 'stg_asana__task', 'task_id', ['tasks', 'subtasks']) }}
